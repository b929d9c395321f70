"""JSON Schema from cells and callers, checked with bounded work."""

from .check import Schema

__all__ = ["Schema"]
