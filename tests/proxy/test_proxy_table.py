"""One line per case: what a cell becomes, what it binds, what is refused."""

from __future__ import annotations

import sys

import pytest
from proxy_twin import MEMBERS

from proxy import SessionNames, rewrite
from proxy_edits import Changes, Edit, Misplaced, spliced
from proxy_source import Source

FRESH = SessionNames()
UNSURE = SessionNames(unsure=frozenset({"ctx", "P", "context", "CONTEXT"}))
GONE = SessionNames(gone=frozenset({"ctx", "P", "context", "CONTEXT"}))


def code(source: str, session: SessionNames = FRESH) -> str:
    return rewrite(source, session, MEMBERS).code


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("n = ctx.find('x')", "n = ctx__find('x')"),
        ("n = P.find('x')", "n = P__find('x')"),
        ("n = context.count('x')", "n = P__count('x')"),
        ("for m in ctx.find('x'): y = ctx.slice(0, m)", "for m in ctx__find('x'): y = ctx__slice(0, m)"),
        ("n = [ctx.find(x) for x in ctx.find('y')]", "n = [ctx__find(x) for x in ctx__find('y')]"),
        ("n = (ctx.find(x) for x in ctx.find('y'))", "n = (ctx.find(x) for x in ctx__find('y'))"),
        ("def f(x=ctx.find('y')): return ctx.find(x)", "def f(x=ctx__find('y')): return ctx.find(x)"),
        ("f = lambda x=ctx.find('y'): ctx.find(x)", "f = lambda x=ctx__find('y'): ctx.find(x)"),
        ("@same(ctx.find('x'))\ndef f(): pass", "@same(ctx__find('x'))\ndef f(): pass"),
        ("class A:\n    x = ctx.find('y')", "class A:\n    x = ctx__find('y')"),
        ("class A:\n    x = ctx.find('y')\n    ctx = 1", "class A:\n    x = ctx.find('y')\n    ctx = 1"),
        ("class A(B):\n    x = ctx.find('y')", "class A(B):\n    x = ctx.find('y')"),
        ("ctx = ctx.find('x')\ny = ctx.find('x')", "ctx = ctx__find('x')\ny = ctx.find('x')"),
        ("ctx = (ctx := 1) and ctx.find('x')", "ctx = (ctx := 1) and ctx.find('x')"),
        ("if x: ctx = 1\ny = ctx.find('x')", "if x: ctx = 1\ny = ctx.find('x')"),
        ("y = ctx.find('x')\nctx = 1", "y = ctx__find('x')\nctx = 1"),
        ("import math as ctx\ny = ctx.find('x')", "import math as ctx\ny = ctx.find('x')"),
        ("from math import *\ny = ctx.find('x')", "from math import *\ny = ctx.find('x')"),
        ("def f():\n    global ctx\n    ctx = 1\ny = ctx.find('x')", "def f():\n    global ctx\n    ctx = 1\ny = ctx.find('x')"),
        ("def f():\n    ctx = 1\ny = ctx.find('x')", "def f():\n    ctx = 1\ny = ctx__find('x')"),
        ("n = [ctx for ctx in y]\nz = ctx.find('x')", "n = [ctx for ctx in y]\nz = ctx__find('x')"),
        ("n = [(ctx := 1) for _ in y]\nz = ctx.find('x')", "n = [(ctx := 1) for _ in y]\nz = ctx.find('x')"),
        ("del ctx\ny = ctx.find('x')", "del ctx\ny = ctx.find('x')"),
        ("exec(y)\nz = ctx.find('x')", "exec(y)\nz = ctx.find('x')"),
        ("match y:\n    case ctx: pass\nz = ctx.find('x')", "match y:\n    case ctx: pass\nz = ctx.find('x')"),
        ("try: pass\nexcept E as ctx: z = ctx.find('x')", "try: pass\nexcept E as ctx: z = ctx.find('x')"),
        ("with y as ctx: z = ctx.find('x')", "with y as ctx: z = ctx.find('x')"),
        ("y = x.ctx.find('x')", "y = x.ctx.find('x')"),
        ("y = f(ctx=1, P=2)", "y = f(ctx=1, P=2)"),
        ("y = my_ctx.find('ctx.find(1)')  # ctx.find(2)", "y = my_ctx.find('ctx.find(1)')  # ctx.find(2)"),
        ("y = (ctx).find('x')", "y = (ctx).find('x')"),
        ("y = ctx \\\n  .find('x')", "y = ctx \\\n  .find('x')"),
        ("y = f'{ctx.find(1)}'", "y = f'{ctx.find(1)}'"),
        ("y = ｃtx.find('x')", "y = ｃtx.find('x')"),
        ("ｃtx = 1\ny = ctx.find('x')", "ｃtx = 1\ny = ctx.find('x')"),
        ("é = ctx.find('ü')", "é = ctx__find('ü')"),
        ("\ufeffy = ctx.find('x')", "y = ctx__find('x')"),
        ("# -*- coding: latin-1 -*-\ny = 'é', ctx.find('x')", "# -*- coding: latin-1 -*-\ny = 'é', ctx__find('x')"),
        ("y = 1\r\nz = '''a\r\nb''', ctx.find('x')\rw = len(P)", "y = 1\r\nz = '''a\r\nb''', ctx__find('x')\rw = _cb_len_of(len, P)"),
        ("\fy = ctx.find('x')", "\fy = ctx__find('x')"),
        ("y = len(P)", "y = _cb_len_of(len, P)"),
        ("y = len( (P) )", "y = _cb_len_of(len,  (P) )"),
        ("def f(len): return len(context)", "def f(len): return _cb_len_of(len, context)"),
        ("y = 'a' in P", "y = _cb_in('a' , P)"),
        ("y = ('a'\n  not in (P))", "y = ((not _cb_in('a'\n  , (P))))"),
        ("def f(): return'a'in P", "def f(): return _cb_in('a', P)"),
        ("y = P[1]", "y = _cb_item(P, 1)"),
        ("y = P[:x]", "y = _cb_cut(P, None,x)"),
        ("y = P[1::2][:3]", "y = _cb_cut(P, 1,None,2)[:3]"),
        ("def f(): return(P)[len(P) - 5:]", "def f(): return _cb_cut((P), _cb_len_of(len, P) - 5,)"),
        ("y = P['a' in P:-1]", "y = _cb_cut(P, _cb_in('a' , P),-1)"),
        ("y = f'{len(P)} P'", "y = f'{_cb_len_of(len, P)} P'"),
        ("y = f'{len(P)=}'", "y = (f'len(P)={_cb_len_of(len, P)!r}')"),
        ("y = (f'{len(P)=}\\n'\n  'b')", "y = ((f'len(P)={_cb_len_of(len, P)!r}\\nb'\n))"),
        ("y = f'{len(P)} {(len)(P)}'", "y = (f'{_cb_len_of(len, P)} {_cb_len_of(len, P)}')"),
        (
            "def f():\n    ctx = 1\n    def g():\n        nonlocal ctx\n        return ctx.x",
            "def f():\n    ctx = 1\n    def g():\n        nonlocal ctx\n        return ctx.x",
        ),
        ("y = P + '', len(P), P[0]", "y = P + '', len(P), P[0]"),
        ("y = lambda P: len(P)", "y = lambda P: len(P)"),
        ("P[0] = 1", "P[0] = 1"),
        ("P = 'x'\ny = len(P), P[0]", "P = 'x'\ny = len(P), P[0]"),
    ],
)
def test_a_cell_is_changed_where_that_is_surely_right(source: str, expected: str) -> None:
    assert code(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("y = ctx.find('x')", "y = ctx.find('x')"),
        ("y = P + 'x'", "y = _cb_real(P) + 'x'"),
        ("y = P.upper()", "y = _cb_real(P).upper()"),
        ("y = P.find('a'), len(P)", "y = P.find('a'), _cb_len_of(len, P)"),
        ("y = f'{P!r:>{len(P)}}'", "y = f'{_cb_real(P)!r:>{_cb_len_of(len, P)}}'"),
        ("def f(): return P", "def f(): return _cb_real(P)"),
        ("match y:\n    case P(): pass", "match y:\n    case P(): pass"),
    ],
)
def test_a_name_that_may_have_been_rebound_is_asked_at_run_time(source: str, expected: str) -> None:
    cell = rewrite(source, UNSURE, MEMBERS)
    assert cell.code == expected
    assert not cell.needs_text


@pytest.mark.parametrize("source", ["y = ctx.find('x')", "y = P + 'x', P.nope, len(P), 'a' in P, P[0]", "ctx.nope = 1"])
def test_a_name_that_was_rebound_is_left_alone(source: str) -> None:
    assert code(source, GONE) == source


@pytest.mark.parametrize(
    "source",
    [
        "for line in P.splitlines(): pass",
        "y = re.findall('x', P)",
        "y = P + 'x'",
        "y = f'{P}'",
        "y = P",
        "y = P == 'x'",
        "def f(): return P",
        "y = [c for c in P]",
        "y = P.upper",
        "f = lambda: P",
        "y = len(*[P])",
        "y = 'a' < 'b' in P",
        "y = P in x",
        "P += 'x'",
        "def f(x=P): pass",
        "if y: P = 1\nz = P",
        "def f(): return P\nP = 1",
        "class A:\n    x = P\n    P = 1",
        "y = (len)(P)",
        "y = ('a'  # in\n in P)",
        "y = P[1, 2]",
        "y = Ｐ + 'x'",
        "sorted(x, key=lambda w: P.count(w))",
        "y = list(filter(lambda w: w in P, x))",
        "max(x, key=lambda i: [len(P) for _ in i])",
        "map(P.find, x)",
        "x.sort(key=P.find)",
        "y = u'a' f'{len(P)=}'",
        "exec(y)\nz = P",
        "y = (P := P)",
        "print(P)",
        "print(*P)",
        "with P as y: pass",
        "assert P",
        "x[P] = 1",
        "y = f'{P!r}'",
        "P",
    ],
)
def test_a_cell_that_needs_the_text_says_so(source: str) -> None:
    cell = rewrite(source, FRESH, MEMBERS)
    assert cell.texts == ("P",)
    assert cell.needs_text
    assert "_cb_real" not in cell.code


@pytest.mark.parametrize(
    "source",
    [
        "P = 'x'\ny = P + 'z'",
        "def f(P): return P",
        "y = [P for P in x]",
        "import P\ny = P",
        "y = x.P",
        "f(P=1)",
        "global P",
        "y = 'P'",
        "P: int",
        "def f():\n    P = 1\n    return P",
        "class A:\n    def f(self, context): return context",
        "lambda P: P",
        "y = P.find",
        "f = lambda: len(P)",
        "(lambda: P[0])()",
        "any(w in P for w in x)",
        "map(lambda P: P[0], x)",
        "f(x.find, lambda: x, len(P), P[0])",
        "def f():\n    x: P = 1",
        "y = len(P) in P[:2]",
    ],
)
def test_a_cell_that_does_not_need_the_text_does_not_fetch_it(source: str) -> None:
    assert rewrite(source, FRESH, MEMBERS).texts == ()


def test_each_name_is_fetched_for_itself() -> None:
    assert rewrite("y = P + CONTEXT", FRESH, MEMBERS).texts == ("CONTEXT", "P")


@pytest.mark.parametrize(
    ("source", "bound"),
    [
        ("x = 1", "x"),
        ("x: int = 1", "x"),
        ("x: int", ""),
        ("x += 1", "x"),
        ("(a, [b, *c]), d.e, f[0] = y", "a b c"),
        ("for x in y: z = 1", "x z"),
        ("with a as b, c as (d, e): f = 1", "b d e f"),
        ("import a.b.c, d as e", "a e"),
        ("from a import b as c, d", "c d"),
        ("from a import *", ""),
        ("try: a = 1\nexcept E as b: c = 1\nelse: d = 1\nfinally: e = 1", "a b c d e"),
        ("def f(a): b = 1", "f"),
        ("class A:\n    b = 1", "A"),
        ("def f():\n    global a, b\n    a = 1", "a f"),
        ("def f():\n    global a\n    def g(): a = 1", "f"),
        ("class A:\n    global b\n    b = 1", "A b"),
        ("def f():\n    global a\n    def g():\n        global c\n        import c", "c f"),
        ("if (a := 1): b = [c := 2 for d in e]", "a b c"),
        ("f(lambda x: (a := x))", ""),
        ("match y:\n    case [a, *b] | {'k': c, **d} | E(e=f) as g: h = 1", "a b c d f g h"),
        ("while y: a = 1", "a"),
        ("async def f(): pass", "f"),
        ("async def f():\n    async for a in b: pass", "f"),
        ("del a", ""),
        ("[a for a in b]", ""),
        ("a.b = c[0] = 1", ""),
        ("ctx = P = 1", "P ctx"),
        ("def f():\n    global a\n    for a in b: pass", "a f"),
        ("x = y = 1; z = 2", "x y z"),
        ("", ""),
        ("# no code", ""),
    ],
)
def test_a_cell_names_what_it_may_bind(source: str, bound: str) -> None:
    assert " ".join(rewrite(source, FRESH, MEMBERS).bound) == bound


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 + 1", "_cb_show((1 + 1))"),
        ("x = 1\nx,", "x = 1\n_cb_show((x,))"),
        ("(x\n + 1) ; # two", "_cb_show(((x\n + 1))) ; # two"),
        ("x = 1; *x, 2 # three", "x = 1; _cb_show((*x, 2)) # three"),
        ("'''a\nb'''\n\n", "_cb_show(('''a\nb'''))\n\n"),
        ("'a' in P", "_cb_show((_cb_in('a' , P)))"),
        ("x \\\n + 1", "_cb_show((x \\\n + 1))"),
        ("[x := 1]", "_cb_show(([x := 1]))"),
        ("lambda: 0", "_cb_show((lambda: 0))"),
        ("f(1)", "_cb_show((f(1)))"),
        ("x.print(1)", "_cb_show((x.print(1)))"),
    ],
)
def test_the_last_value_is_shown(source: str, expected: str) -> None:
    cell = rewrite(source, FRESH, MEMBERS)
    assert cell.code == expected
    assert cell.shows_value


@pytest.mark.parametrize("source", ["print(1)", "*x", "FINAL(1)", "FINAL_VAR('x')", "x = 1", "for x in y: x", "1\npass", "", "if x: 1"])
def test_there_is_nothing_to_show(source: str) -> None:
    cell = rewrite(source, FRESH, MEMBERS)
    assert cell.code == source
    assert not cell.shows_value


@pytest.mark.parametrize(("place", "goes_wrong"), [(15, False), (7, True)])
def test_an_edit_that_lands_in_the_letters_of_an_f_string_is_noticed(place: int, goes_wrong: bool) -> None:
    source = Source("y = f' len(P) {len(P)}'")
    assert source.data[place : place + 4] == b"len("
    changes = Changes()
    changes.add([Edit(place, place + 4, b"_cb_len_of(len, ", place + 6)], inside=True)
    if goes_wrong:
        with pytest.raises(Misplaced):
            spliced(source, {0: changes})
    else:
        assert spliced(source, {0: changes}) == "y = f' len(P) {_cb_len_of(len, P)}'"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f[ctx](x: ctx.y): return ctx.z", None),
        ("def f[T: ctx.nope](): pass\nctx = 1", None),
        ("type ctx = int\ny = ctx.x", None),
        ("type A = P.x\nP = 1", None),
        ("class A[P](B[P]): x: P", None),
        ("y = f'{len(P)} {'a' in P} {\"\\n\".join(x)}'", "y = f'{_cb_len_of(len, P)} {_cb_in('a' , P)} {\"\\n\".join(x)}'"),
        ("y = f'''{\n  len(P)  # n\n}'''", "y = f'''{\n  _cb_len_of(len, P)  # n\n}'''"),
    ],
)
def test_newer_syntax_has_its_own_scopes(source: str, expected: str | None) -> None:
    assert code(source) == (expected or source)
