"""Attacks on a sandbox with live canaries: what was tried, and what each wall stopped."""
