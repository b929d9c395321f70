"""CPython under a language policy: the cell's own process is the boundary, this is the first wall in front of it."""
