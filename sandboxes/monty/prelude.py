# What a cell finds besides Python: facades of the context, the helpers that rewritten cells call, and the way out of values.
# Runs inside the guest, as a subset of Python. Externals cannot be called from __getitem__, __len__ and the like here, so
# `P[a:b]`, `len(P)` and `x in P` arrive as calls of the helpers below, which ask whether the name still holds the facade.
# A cell may call its variables `list`, `len` or `str`: what shows values and hands them out keeps its own names of these.
import collections
import datetime
import functools
import itertools
import json
import math
import random
import re
import time

_cb_isinstance, _cb_type, _cb_len, _cb_repr, _cb_eval, _cb_locals = isinstance, type, len, repr, eval, locals
_cb_bool, _cb_int, _cb_str, _cb_bytes = bool, int, str, bytes
_cb_list, _cb_tuple, _cb_dict, _cb_set = list, tuple, dict, set
_cb_scalar, _cb_row, _cb_sets = (bool, int, float, str, bytes), (list, tuple), (set, frozenset)
_cb_true_or_not = (bool, int, float, str, bytes, list, tuple, dict)
_cb_holder = (list, tuple, set, frozenset, dict)
_cb_sized = (str, bytes, list, tuple, dict, set, frozenset)
_cb_TypeError, _cb_ValueError, _cb_NameError = TypeError, ValueError, NameError


class _cb_Context:
    def len_chars(self, *a, **k):
        return ctx__len_chars(*a, **k)

    def num_documents(self, *a, **k):
        return ctx__num_documents(*a, **k)

    def get_document(self, *a, **k):
        return ctx__get_document(*a, **k)

    def document_lengths(self, *a, **k):
        return ctx__document_lengths(*a, **k)

    def slice(self, *a, **k):
        return ctx__slice(*a, **k)

    def find(self, *a, **k):
        return ctx__find(*a, **k)

    def chunk(self, *a, **k):
        return ctx__chunk(*a, **k)

    def chunk_documents(self, *a, **k):
        return ctx__chunk_documents(*a, **k)

    def page(self, *a, **k):
        return ctx__page(*a, **k)

    def lines(self, *a, **k):
        return ctx__lines(*a, **k)

    def search(self, *a, **k):
        return ctx__search(*a, **k)

    def metadata(self, *a, **k):
        return ctx__metadata(*a, **k)


class _cb_Text:
    def find(self, *a, **k):
        return P__find(*a, **k)

    def rfind(self, *a, **k):
        return P__rfind(*a, **k)

    def index(self, *a, **k):
        return P__index(*a, **k)

    def rindex(self, *a, **k):
        return P__rindex(*a, **k)

    def count(self, *a, **k):
        return P__count(*a, **k)

    def startswith(self, *a, **k):
        return P__startswith(*a, **k)

    def endswith(self, *a, **k):
        return P__endswith(*a, **k)


ctx = _cb_Context()
_cb_text = _cb_Text()
P = _cb_text
context = _cb_text
CONTEXT = _cb_text


def _cb_len_of(length, value):
    return P__len() if value is _cb_text and length is _cb_len else length(_cb_real(value))


def _cb_in(item, value):
    return P__contains(item) if value is _cb_text else item in value


def _cb_real(value):
    return P__text() if value is _cb_text else value


def _cb_item(value, key):
    return P__item(key) if value is _cb_text else value[key]


def _cb_cut(value, start=None, stop=None, step=None):
    return P__slice(start, stop, step) if value is _cb_text else value[start:stop:step]


def peek(*a, **k):
    return _cb_near_peek(*a, **k)


def tail(*a, **k):
    return _cb_near_tail(*a, **k)


def lenP(*a, **k):
    return _cb_near_lenP(*a, **k)


def extract_after(*a, **k):
    return _cb_near_extract_after(*a, **k)


def SHOW_VARS():
    lines = []
    for name in _cb_names():
        try:
            value = _cb_eval(name)
        except _cb_NameError:
            continue
        kind = _cb_type(value).__name__
        if _cb_isinstance(value, _cb_sized):
            kind += " of " + _cb_str(_cb_len(value))
        lines.append(name + ": " + kind)
    return "\n".join(lines)


def _cb_plain(value, depth=0):
    if _cb_isinstance(value, _cb_str) and _cb_len(value) > 8388608 and not value.isascii():
        raise _cb_ValueError("a text of more than 8,388,608 bytes that is not ASCII; send it in parts")
    if value is None or _cb_isinstance(value, _cb_scalar):
        return value
    if depth > 40:
        raise _cb_ValueError("nested too deep to cross; flatten it")
    if _cb_isinstance(value, _cb_row):
        return [_cb_plain(item, depth + 1) for item in value]
    if _cb_isinstance(value, _cb_dict):
        for key in value:
            if not _cb_isinstance(key, _cb_str):
                raise _cb_TypeError("a dict whose keys are not all str cannot cross; use {str(k): v for k, v in d.items()}")
        return {key: _cb_plain(item, depth + 1) for key, item in value.items()}
    if _cb_isinstance(value, _cb_sets):
        raise _cb_TypeError("a set cannot cross; use sorted(...) or list(...)")
    raise _cb_TypeError("a " + _cb_type(value).__name__ + " cannot cross; only None, bool, int, float, str, bytes, list and dict cross")


def _cb_preview(value, depth=0):
    if _cb_isinstance(value, _cb_str) and _cb_len(value) > 2000:
        return _cb_repr(value[:1000]) + "...(" + _cb_str(_cb_len(value)) + " characters)..." + _cb_repr(value[-500:])
    if _cb_isinstance(value, _cb_bytes) and _cb_len(value) > 2000:
        return _cb_repr(value[:1000]) + "...(" + _cb_str(_cb_len(value)) + " bytes)"
    if _cb_isinstance(value, _cb_int) and not _cb_isinstance(value, _cb_bool) and (value > 10**4000 or value < -(10**4000)):
        return "<int of more than 4000 digits>"
    if _cb_isinstance(value, _cb_holder) and depth >= 4:
        return "..."
    if _cb_type(value) is _cb_list:
        return "[" + _cb_items(value, depth) + "]"
    if _cb_type(value) is _cb_tuple:
        return "(" + _cb_items(value, depth) + (",)" if _cb_len(value) == 1 else ")")
    if _cb_type(value) is _cb_dict:
        shown = [_cb_preview(key, depth + 1) + ": " + _cb_preview(value[key], depth + 1) for key in _cb_list(value)[:40]]
        return "{" + ", ".join(shown) + (", ...(" + _cb_str(_cb_len(value)) + " keys)" if _cb_len(value) > 40 else "") + "}"
    if _cb_type(value) is _cb_set:
        return "{" + _cb_items(value, depth) + "}" if value else "set()"
    text = _cb_repr(value)
    return text if _cb_len(text) <= 2000 or _cb_isinstance(value, (_cb_str, _cb_bytes)) else text[:2000] + "..."


def _cb_items(value, depth):
    shown = []
    for item in value:
        if _cb_len(shown) == 40:
            shown.append("...(" + _cb_str(_cb_len(value)) + " items)")
            break
        shown.append(_cb_preview(item, depth + 1))
    return ", ".join(shown)


def _cb_show(value):
    if value is None:
        return ""
    text = _cb_preview(value)
    return text if _cb_len(text) <= 4000 else text[:4000] + "...(clipped)"


def FINAL(*a, **k):
    _cb_far_FINAL(*_cb_plain(a, -1), **_cb_plain(k, -1))


def FINAL_VAR(*a, **k):
    _cb_far_FINAL_VAR(*_cb_plain(a, -1), **_cb_plain(k, -1))


def SUBMIT(*a, **k):
    _cb_far_SUBMIT(*_cb_plain(a, -1), **_cb_plain(k, -1))


answer = {"content": None, "ready": False}
_cb_answer = answer
NO_ANSWER = "NO_ANSWER"


def _cb_take_answer(wanted):
    found = answer
    ready = found.get("ready") if _cb_type(found) is _cb_dict else None
    if _cb_type(ready) not in _cb_true_or_not or not ready:
        return
    found["ready"] = False
    if wanted and "content" not in found:
        raise _cb_ValueError("it has no 'content'; set answer['content']")
    if wanted:
        _cb_far_FINAL(_cb_plain(found["content"]))


def _cb_called_answer(*a, **k):
    return _cb_far_answer(*a, **k)


# For a session that offers a far function of this name: what is bound here would hide it.
def _cb_give_way():
    global answer
    if answer is _cb_answer:
        answer = _cb_called_answer


def _cb_method(name):
    def method(*a, **k):
        return _cb_call_method(name, a, k)

    return method


# In a function, so that the classes have the objects' names and cells do not find them.
def _cb_group_kinds():
    class vfs:
        pass

    class checkpoint:
        pass

    class fork:
        pass

    class strategy:
        pass

    return {"vfs": vfs, "checkpoint": checkpoint, "fork": fork, "strategy": strategy}


_cb_kinds = _cb_group_kinds()
_cb_kept = {}


# The object that a session's far functions of one group are methods of. One that there was before a dump stays the same.
def _cb_group(name, methods):
    if name not in _cb_kept:
        _cb_kept[name] = _cb_kinds[name]()
    for method in methods:
        _cb_setattr(_cb_kept[name], method, _cb_method(name + "__" + method))
    return _cb_kept[name]


_cb_setattr = setattr
