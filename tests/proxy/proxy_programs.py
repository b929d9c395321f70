"""Random programs over `ctx` and `P`: every way to bind, shadow, alias, capture and use them."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = st.sampled_from(["ctx", "P", "context", "CONTEXT", "len", "x", "y", "P", "ctx"])
TEXTS = st.sampled_from(["P", "P", "context", "CONTEXT", "x"])
LEAVES = [
    "1",
    "'an'",
    "''",
    "ctx",
    "ctx.find",
    "ctx.find('an')",
    "ctx.len_chars()",
    "ctx.slice(0, 3)",
    "ctx.slice(end=2, start=1)",
    "[ctx][0].find('a')",
    "getattr(ctx, 'find')('a')",
    "(ctx).find('a')",
    "x.ctx.find",
    "dict(ctx=1)",
    "(lambda c=ctx: c.find('an'))()",
    "(lambda ctx: ctx.find('an'))('banana')",
    "ctx\\\n.find('an')",
    "show(value=ctx)",
    "{'ctx': ctx}['ctx'].len_chars()",
    "[*ctx.find('a')]",
]
PARTS = [
    "len({0})",
    "len( {0} )",
    "len(({0}))",
    "(len)({0})",
    "'an' in {0}",
    "'zz' not in {0}",
    "('an')in({0})",
    "1if'an'in {0} else 2",
    "{0}[1:4]",
    "{0}[::-2]",
    "{0}[0]",
    "({0})[2:]",
    "{0} [ : ]",
    "{0}[(1):(4):2]",
    "{0}[lambda: 0:][:1]",
    "{0}[:3][0]",
    "{0}[1, 2]",
    "{0}[y:=1]",
    "1if({0})[0]else 2",
    "{0}[1:len({0}) # )\n]",
    "{0}[\n1\n:\n3]",
    "{0}[-1:'a' in {0}:-1]",
    "f'{{{0}[0]}} {{{0}[1:3]!r}}'",
    "{0}['x']",
    "{0}[len({0}) - 1]",
    "{0}.find('an')",
    "{0}.count('a')",
    "{0}.rfind('an')",
    "{0}.startswith('ban')",
    "{0}.index",
    "{0}",
    "{0} + '!'",
    "{0}.upper()",
    "{0}.title",
    "({0},)",
    "{0} is {0}",
    "word({0})[2]",
    "[c for c in {0}][:2]",
    "[*{0}][0]",
    "{0} == 'x'",
    "{0} in 'x'",
    "{0} in {0}",
    "len(*[{0}])",
    "max({0})",
    "f'{{{0} + str()}}'",
    "f'{{len({0})}}'",
    "f'{{len({0})=}}'",
    "f'''\n{{len({0})}}\n{{'an' in {0}}}'''",
    "f'len({0}) {{{0}!r:>{{len({0})}}}}'",
    "f'{{{0}[:2]}}' 'P'",
    'rf"\\d{{len({0})}}"',
    "(lambda: len({0}))()",
    "(lambda: {0}[0])()",
    "(lambda: {0} + '')()",
    "(lambda {0}: len({0}))('four')",
    "(lambda {0}='d': {0})()",
    "'a' < 'b' in {0}",
    "not 'q' in {0}",
    "-len({0})",
    "[{0}.find, 2][0]('an')",
    "len(\n{0}\n)",
    "('an'\nin\n{0})",
    "(len\n({0}))",
    "len({0},)",
    "len(f'{{len({0})}}')",
    "f'{{{0}.find(\"an\")}}' in {0}",
    "show(len)({0})",
    "{0}.title()[0]",
]


def indented(block: str) -> str:
    """The block, one level deeper. Continued lines may move: they are all inside brackets or strings."""
    return "\n".join("    " + line for line in block.split("\n"))


EXPRESSIONS = [
    "[{one} for {name} in ({two},)]",
    "list({one} for {name} in [{two}, 2] if {three})",
    "({name} := {one})",
    "[({name} := {one}) for _ in [1]]",
    "(lambda {name}: {one})({two})",
    "({one} if {two} else 0)",
    "show({one})",
    "{{{one}: {two}}}",
    "({one}, {two})",
    "({one} == {two})",
    "[{one} for _ in 'ab' for {name} in [{two}]]",
    "(lambda {name}={one}: {two})()",
    "[(lambda: {one})() for {name} in [{two}]]",
    "len({one})",
    "({one} in {name})",
    "{{**{{word({one}): 1}}}}",
    "[*({one},)]",
    "(lambda *{name}, x={one}: {two})()",
]
SIMPLE = [
    "show({one})",
    "{one}",
    "{name} = {one}",
    "{name} = y = {one}",
    "{name}, y = {one}, 2",
    "{name} += {one}",
    "{name}: {one} = {two}",
    "{name}: int",
    "import math as {name}",
    "from math import pi as {name}",
    "del {name}",
    "pass",
    "assert {one}, {name}",
    "x[{one}] = {name}",
    "show({one}); {name} = 'mine'; show({two})",
]
IN_FUNCTION = ["return {one}", "global {name}; {name} = {one}", "nonlocal {name}"]
AT_TOP = ["exec('{name} = 5')", "globals()['{name}'] = 'mine'"]
TRIED = "try: show({one})\nexcept Exception as {name}: show('failed')"
CALLED = "try: show({call})\nexcept Exception as e: show('failed'); e = 0"
COMPOUND = [
    "if {one}:\n{block}\nelse:\n    {name} = 3",
    "for {name} in [{one}, 'two']:\n{block}",
    "while {one}:\n{block}\n    break",
    "with Manager({one}) as {name}:\n{block}",
    "try:\n{block}\nexcept TypeError as {name}:\n    show('type')\n"
    "except (NameError, AttributeError, ValueError):\n    show(1)\nfinally:\n    show(2)",
    "match {one}:\n    case [{name}, *y]:\n        show(y)\n"
    "    case {{'k': 1, **{name}}}:\n        pass\n    case str() as {name}:\n        show({two})",
    "match {one}:\n    case {name}:\n        show({two})",
    "def f({name}={one}, *args):\n{body}\n" + CALLED,
    "@same\ndef f(x={one}, *args: {two}, {name}=1) -> {two}:\n{body}\n" + CALLED,
    "class C:\n{part}\n    def f(self, x=1):\n{method}\n" + CALLED.replace("{call}", "C().f()"),
    "def f(x=1, *args):\n    {name} = 'local'\n    def g():\n{method}\n    return g()\n" + CALLED,
    "def f(*args):\n    global {name}\n    {name} = {one}\nshow(1)",
    "f = lambda {name}, *args: {one}\n" + CALLED,
    "if f:\n    show({call})",
]


class Drawn:
    """What a template's fields are filled with: drawn where they are first met."""

    def __init__(self, draw: st.DrawFn, depth: int, in_function: bool) -> None:
        self.draw, self.depth, self.in_function = draw, depth, in_function
        self.known: dict[str, str] = {}

    def __getitem__(self, field: str) -> str:
        if field not in self.known:
            self.known[field] = self.make(field)
        return self.known[field]

    def make(self, field: str) -> str:
        if field == "name":
            return self.draw(NAMES)
        if field == "call":
            return self.draw(st.sampled_from(["f()", "f(ctx)", "f(P)", "f('mine', 2)"]))
        if field in ("one", "two", "three"):
            return self.draw(expressions(max(0, min(self.depth - 1, 1))))
        block = indented(self.draw(blocks(self.depth - 1, field in ("body", "method") or (field == "block" and self.in_function))))
        return indented(block) if field == "method" else block


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    """An expression in parentheses, or one that needs none."""
    kind = draw(st.integers(0, 9 if depth else 3))
    if kind <= 2:
        return "(" + draw(st.sampled_from(PARTS)).format(draw(TEXTS)) + ")"
    if kind == 3:
        return draw(st.sampled_from(LEAVES))
    return draw(st.sampled_from(EXPRESSIONS)).format_map(Drawn(draw, depth, False))


@st.composite
def statements(draw: st.DrawFn, depth: int = 2, in_function: bool = False) -> str:
    """A statement, maybe with blocks."""
    kind = draw(st.integers(0, 9 if depth else 4))
    if kind > 4:
        return draw(st.sampled_from(COMPOUND)).format_map(Drawn(draw, depth, in_function))
    forms = [*SIMPLE, *(IN_FUNCTION if in_function else AT_TOP)] if kind < 4 else [TRIED]
    return draw(st.sampled_from(forms)).format_map(Drawn(draw, 2, in_function))


@st.composite
def blocks(draw: st.DrawFn, depth: int = 2, in_function: bool = False) -> str:
    """One to three statements."""
    return "\n".join(draw(st.lists(statements(depth, in_function=in_function), min_size=1, max_size=3)))


@st.composite
def cells(draw: st.DrawFn) -> str:
    """A whole cell."""
    return "\n".join(draw(st.lists(statements(2), min_size=1, max_size=4)))


sessions = st.lists(cells(), min_size=1, max_size=3)
