"""What each sandbox's Python cannot do, in words for the model's prompt."""

from __future__ import annotations

_MONTY = """It is a part of Python 3: functions, closures, lambdas, plain classes, dataclasses, comprehensions, match, try, with, f-strings.
Not there: yield, del, inheritance (so no exception classes of your own), properties, next(generator, default).
Methods as callbacks fail: write key=lambda k: d[k] instead of key=d.get, and [s.strip() for s in x] instead of map(str.strip, x).
Modules: re, json, math, datetime, collections, itertools, functools, decimal, hashlib, random, csv, base64. No others, no files.
llm_query and the like work in loops, comprehensions and functions, not inside sorted(key=...), map, filter, max(key=...) or __iter__.
For texts of more than a megabyte use ctx.find, ctx.slice and ctx.chunk instead of re over P."""

_KNOWN = {"monty": _MONTY}


def limitations_of(sandbox: str) -> str:
    """Text for the prompt; empty for a sandbox that nothing is known about."""
    return _KNOWN.get(sandbox, "")
