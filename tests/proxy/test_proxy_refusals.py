"""What is refused before it runs, and what is not."""

from __future__ import annotations

import pytest
from proxy_twin import MEMBERS

from proxy import CellRefused, SessionNames, rewrite

FRESH = SessionNames()


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("\n\nctx.fnd('x')", "AttributeError", "line 3: ctx has no 'fnd'; did you mean 'find'?"),
        ("ctx.Find('x')", "AttributeError", "line 1: ctx has no 'Find'; did you mean 'find'?"),
        ("y = ctx.zzzzz", "AttributeError", "line 1: ctx has no 'zzzzz'; it has find, len_chars, slice"),
        ("def f():\n    return ctx.admin_wipe()", "AttributeError", "line 2: ctx has no 'admin_wipe'; it has find, len_chars, slice"),
        ("y = f'{ctx.zzzzz}'", "AttributeError", "line 1: ctx has no 'zzzzz'; it has find, len_chars, slice"),
        ("y = ｃtx.zzzzz", "AttributeError", "line 1: ctx has no 'zzzzz'; it has find, len_chars, slice"),
        (
            "class A:\n    ctx = 1\n    def f(self): return ctx.zzzzz",
            "AttributeError",
            "line 3: ctx has no 'zzzzz'; it has find, len_chars, slice",
        ),
        ("((ctx)).zzzzz()", "AttributeError", "line 1: ctx has no 'zzzzz'; it has find, len_chars, slice"),
        ("P.nope", "AttributeError", "line 1: P has no 'nope'; it is a str"),
        ("CONTEXT.splitline()", "AttributeError", "line 1: CONTEXT has no 'splitline'; did you mean 'splitlines'?"),
        ("P.len()", "AttributeError", "line 1: P has no 'len'; it is a str"),
        ("ctx.find = 1", "AttributeError", "line 1: ctx is read-only: 'find' cannot be set or deleted"),
        ("[0 for ctx._text in ['pwn']]", "AttributeError", "line 1: ctx is read-only: '_text' cannot be set or deleted"),
        ("*ctx._text, = 'pwn'", "AttributeError", "line 1: ctx is read-only: '_text' cannot be set or deleted"),
        ("del P.x", "AttributeError", "line 1: P is read-only: 'x' cannot be set or deleted"),
        ("ctx.aa\nctx.bb", "AttributeError", "line 1: ctx has no 'aa'; it has find, len_chars, slice"),
        ("ctx.nope\nctx = 1", "AttributeError", "line 1: ctx has no 'nope'; it has find, len_chars, slice"),
        ("x = 1\nctx__find('x')", "NameError", "line 2: names that begin with 'ctx__' are reserved"),
        ("def f(P__x): pass", "NameError", "line 1: names that begin with 'P__' are reserved"),
        ("import _cb_x", "NameError", "line 1: names that begin with '_cb_' are reserved"),
        ("from x import y as _cb_x", "NameError", "line 1: names that begin with '_cb_' are reserved"),
        ("def f():\n    global a, ctx__b", "NameError", "line 2: names that begin with 'ctx__' are reserved"),
        ("match x:\n    case {**_cb_y}: pass", "NameError", "line 2: names that begin with '_cb_' are reserved"),
        ("try: pass\nexcept E as _cb_e: pass", "NameError", "line 2: names that begin with '_cb_' are reserved"),
        ("_ｃb_show = 1", "NameError", "line 1: names that begin with '_cb_' are reserved"),
        ("ｃtx__find = 1", "NameError", "line 1: names that begin with 'ctx__' are reserved"),
        ("x = 1\nx = (", "SyntaxError", "line 2: '(' was never closed"),
        ("x = 1\0", "SyntaxError", "line 1: the cell holds a NUL character"),
        ("\nx = '\ud800'", "SyntaxError", "line 2: a lone surrogate is not text"),
    ],
)
def test_a_cell_is_refused_with_one_helpful_line(source: str, kind: str, message: str) -> None:
    with pytest.raises(CellRefused) as refused:
        rewrite(source, FRESH, MEMBERS)
    assert (refused.value.kind, str(refused.value)) == (kind, message)


@pytest.mark.parametrize(
    "source",
    [
        "ctx = Mine()\nctx.mine()",
        "def f(ctx): return ctx.mine()",
        "def f(): return ctx.mine()\nctx = 1",
        "import m as ctx\nctx.mine = 1",
        "x.ctx__find",
        "f(MAP__x=1)",
        "ctx.__class__",
        "P.upper()",
        "x = 'ctx__find'  # _cb_",
        "if x: ctx = 1\nctx.mine",
        "[ctx.mine for ctx in y]",
        "exec(x)\nctx.mine",
        "class A:\n    ctx = 1\n    y = ctx.mine",
        "P = 1\nP.mine",
        "with x as ctx: ctx.mine",
        "for ctx in y: ctx.mine",
        "lambda ctx: ctx.mine",
    ],
)
def test_a_member_that_may_be_there_is_not_refused(source: str) -> None:
    rewrite(source, FRESH, MEMBERS)
