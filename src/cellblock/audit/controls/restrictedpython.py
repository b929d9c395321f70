"""The second control: RestrictedPython as its users often set it up, with `safe_globals`, a plain `getattr` and some modules."""

from __future__ import annotations

import ast
import collections
import functools
import itertools
import json
import math
import operator
import random
import re
import string
from types import CodeType
from typing import Any

from RestrictedPython.compile import compile_restricted
from RestrictedPython.Guards import safe_globals
from RestrictedPython.PrintCollector import PrintCollector

from ..system import Opening
from .plain import PlainSession, plain_names

MODULES = {module.__name__: module for module in (collections, functools, itertools, json, math, operator, random, re, string)}


class RestrictedSession(PlainSession):
    """The same namespace; the cell is compiled by RestrictedPython."""

    def compiled(self, code: str) -> tuple[CodeType | None, CodeType | None]:
        """The statements of a cell, and the expression that it ends with."""
        tree = ast.parse(code)
        last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None  # type: ignore[attr-defined]
        expression = compile_restricted(ast.unparse(last), "<cell>", "eval") if last else None
        return compile_restricted(ast.unparse(tree), "<cell>", "exec"), expression


def _import(name: str, *_rest: object) -> Any:
    if name not in MODULES:
        raise ImportError(f"{name} is not allowed")
    return MODULES[name]


def _names(opening: Opening) -> dict[str, Any]:
    builtins = {**safe_globals["__builtins__"], "__import__": _import, "getattr": getattr, "hasattr": hasattr, "type": type, "list": list}
    builtins |= {"dict": dict, "set": set, "iter": iter, "next": next, "map": map, "filter": filter, "sum": sum, "min": min, "max": max}
    return {
        **plain_names(opening),
        "__builtins__": builtins,
        "__metaclass__": type,
        "_getattr_": getattr,
        "_getitem_": operator.getitem,
        "_getiter_": iter,
        "_write_": lambda target: target,
        "_print_": PrintCollector,
        "_inplacevar_": lambda _operator, left, right: left + right,
        "_unpack_sequence_": lambda values, *_rest: values,
        "_iter_unpack_sequence_": lambda values, *_rest: values,
        "_apply_": lambda function, *args, **named: function(*args, **named),
    }


async def open_restrictedpython(opening: Opening) -> RestrictedSession:
    """A session that is hardly one."""
    session = RestrictedSession(_names(opening))
    if opening.snapshot is not None:
        session.load(opening.snapshot)
    return session
