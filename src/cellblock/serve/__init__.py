"""Servers: what Cellblock offers over HTTP."""
