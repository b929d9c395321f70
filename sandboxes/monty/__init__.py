"""Wall 1, Monty: a Rust interpreter of a part of Python."""
