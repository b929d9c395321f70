"""A worker that plays a script instead of working."""
