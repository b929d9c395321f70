"""Cells that mean the same after the rewrite, one by one and in sessions."""

from __future__ import annotations

import msgspec
import pytest
from proxy_twin import MEMBERS, agree

from proxy import SessionNames, rewrite

FRESH = SessionNames()


def code(source: str, session: SessionNames) -> str:
    return rewrite(source, session, MEMBERS).code


def test_names_bound_by_earlier_cells_are_remembered() -> None:
    cell = rewrite("ctx = 1; P = 2", FRESH, MEMBERS)
    failed, ended = FRESH.after(cell), FRESH.after(cell, completed=True)
    assert (failed.lazy_texts(), ended.lazy_texts()) == (("context", "CONTEXT"),) * 2
    assert code("y = ctx.nope, P + ''", ended) == "y = ctx.nope, P + ''"
    assert code("y = ctx.nope, P + ''", failed) == "y = ctx.nope, _cb_real(P) + ''"


def test_a_fetched_text_is_an_ordinary_str_afterwards() -> None:
    session = FRESH.after(rewrite("y = P", FRESH, MEMBERS), completed=True)
    assert code("y = P.upper(), len(P), context.find('x')", session) == "y = P.upper(), len(P), P__find('x')"


@pytest.mark.parametrize("marker", ["exec(x)", "globals()['P'] = 1", "def f(): return eval(x)", "from m import *"])
def test_code_that_may_rebind_unseen_makes_every_name_unsure(marker: str) -> None:
    session = FRESH.after(rewrite(marker, FRESH, MEMBERS), completed=True)
    assert session.lazy_texts() == ()
    assert code("y = ctx.find(1), P", session) == "y = ctx.find(1), _cb_real(P)"


@pytest.mark.parametrize(
    "source",
    [
        "class Fake:\n    def find(self, s): return 'shadow'\n(lambda ctx: ctx.find('an'))(Fake())",
        "class Fake:\n    def find(self, s): return 'shadow'\ndef f(v):\n"
        "    match v:\n        case ctx:\n            return ctx.find('an')\nf(Fake())",
        "def f():\n    def ctx(): pass\n    ctx.find = lambda s: 'shadow'\n    return ctx.find('an')\nf()",
        "def f():\n    ctx = 1\n    del ctx\n    return ctx.find('an')\ntry: f()\nexcept NameError: out = 'unbound'\nout",
        "def f():\n    global ctx\n    ctx = 7\nf()\nctx",
        "def f(n=ctx.len_chars()):\n    ctx = None\n    return n > 0\nf()",
        "[ctx][0].find('an')",
        "{'c': ctx}['c'].len_chars() > 0",
        "def g(): return ctx\ng().len_chars()",
        "c = ctx\nc.admin_wipe()",
        "(ctx if 1 else 0).admin_wipe()",
        "f'{1:{ctx.len_chars()}}'",
        "(lambda n=ctx.len_chars(): n > 0)()",
        "{**{str(ctx.len_chars()): 1}} != {}",
        "try: assert False, ctx.slice(0, 3)\nexcept AssertionError as e: out = str(e)\nout",
        "s = 'ctx.find(\"an\")'\ns",
        "0 <= ctx.find('an')[0] <= ctx.len_chars()",
        "g = (ctx.find(x) for x in ['an'])\nctx2 = 1\nnext(g)",
        "\n\n\nctx.find(1/0)",
        "len = lambda x: 9\nlen(P)",
        "def f():\n    len = str.upper\n    return len(P)\nf()",
        "f = ctx.find\nf('an')",
        "def f(*, ctx=ctx): return ctx.find('an')\nf()",
        "class A:\n    ctx = 1\n    def f(self): return ctx.find('an')\nA().f()",
        "class A:\n    __x = len(P)\n    def f(self): return self.__x, 'an' in P\nA().f()",
        "def f():\n    ctx = 'a'\n    ctx += 'b'\n    return ctx.find('b')\nf()",
        "[[P[i:i + 2] for i in range(2)] for P in ['abc', context[:3]]]",
    ],
)
def test_shadows_and_aliases_mean_what_they_mean_in_python(source: str) -> None:
    agree(source)


@pytest.mark.parametrize(
    "cells",
    [
        ("P = 'mine'", "len(P), P[0], 'i' in P, P.upper(), context[:3]"),
        ("1/0; P = 'mine'", "P.upper(), len(P)"),
        ("def f():\n    global P\n    P = 'mine'", "len(P)", "f()", "len(P), P + '!', P[0], 'm' in P"),
        ("def f(): return len(P), P[0], P.find('an')", "P = 'mine'", "f()"),
        ("len = lambda x: 7", "len(P), len('abc')"),
        ("def f(): return len(P)", "len = lambda x: 7", "f()"),
        ("x = P.upper()", "P is context", "P == context"),
        ("exec('P = 5')", "P + 1", "exec('ctx = P')", "ctx"),
        ("ctx = ctx", "ctx.find('an')", "del ctx", "ctx"),
    ],
)
@pytest.mark.parametrize("tells_completion", [True, False])
def test_sessions_mean_what_they_mean_in_python(cells: tuple[str, ...], tells_completion: bool) -> None:
    agree(*cells, tells_completion=tells_completion)


def test_the_state_of_a_session_survives_its_checkpoint() -> None:
    state = SessionNames(unsure=frozenset({"P"}), gone=frozenset({"ctx"}), says_ready=True)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=SessionNames) == state


def test_a_session_whose_cells_never_say_ready_is_not_asked_for_an_answer() -> None:
    assert FRESH.after(rewrite("x = 1  # already read\nanswer = 'a'", FRESH), completed=True) is FRESH
    assert not FRESH.after(rewrite("P = 'mine'", FRESH), completed=True).says_ready


@pytest.mark.parametrize("completed", [True, False])
def test_a_session_that_once_said_ready_remembers_it(completed: bool) -> None:
    said = FRESH.after(rewrite("def finish():\n    answer['ready'] = True", FRESH), completed=completed)
    assert said.says_ready
    for later in ("x = 1", "P = 'mine'", "answer['ready'] = False"):
        assert said.after(rewrite(later, said), completed=completed).says_ready, later
