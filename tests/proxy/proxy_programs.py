"""Random programs over `ctx` and `P`: every way to bind, shadow, alias, capture and use them."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = st.sampled_from(["ctx", "P", "context", "CONTEXT", "len", "x", "y", "P", "ctx"])
TEXTS = st.sampled_from(["P", "P", "context", "CONTEXT", "x"])
LEAVES = [
    "1", "'an'", "''", "ctx", "ctx.find", "ctx.find('an')", "ctx.len_chars()", "ctx.slice(0, 3)", "ctx.slice(end=2, start=1)",
    "[ctx][0].find('a')", "getattr(ctx, 'find')('a')", "(ctx).find('a')", "x.ctx.find", "dict(ctx=1)", "(lambda c=ctx: c.find('an'))()",
    "(lambda ctx: ctx.find('an'))('banana')", "ctx\\\n.find('an')", "show(value=ctx)", "{'ctx': ctx}['ctx'].len_chars()", "[*ctx.find('a')]",
]  # fmt: skip
PARTS = [
    "len({0})", "len( {0} )", "len(({0}))", "(len)({0})", "'an' in {0}", "'zz' not in {0}", "('an')in({0})", "1if'an'in {0} else 2",
    "{0}[1:4]", "{0}[::-2]", "{0}[0]", "({0})[2:]", "{0} [ : ]", "{0}[(1):(4):2]", "{0}[lambda: 0:][:1]", "{0}[:3][0]", "{0}[1, 2]", "{0}[y:=1]", "1if({0})[0]else 2",
    "{0}[1:len({0}) # )\n]", "{0}[\n1\n:\n3]", "{0}[-1:'a' in {0}:-1]", "f'{{{0}[0]}} {{{0}[1:3]!r}}'", "{0}['x']", "{0}[len({0}) - 1]", "{0}.find('an')", "{0}.count('a')", "{0}.startswith('ban')", "{0}.index", "{0}",
    "{0} + '!'", "{0}.upper()", "{0}.title", "({0},)", "{0} is {0}", "str({0})[2]", "[c for c in {0}][:2]", "[*{0}][0]", "{0} == 'x'",
    "{0} in 'x'", "{0} in {0}", "len(*[{0}])", "max({0})", "f'{{{0}}}'", "f'{{len({0})}}'", "f'{{len({0})=}}'", "f'''\n{{len({0})}}\n{{'an' in {0}}}'''",
    "f'len({0}) {{{0}!r:>{{len({0})}}}}'", "f'{{{0}[:2]}}' 'P'", "rf\"\\d{{len({0})}}\"", "(lambda: len({0}))()", "(lambda: {0}[0])()", "(lambda: {0} + '')()",
    "(lambda {0}: len({0}))('four')", "(lambda {0}='d': {0})()", "'a' < 'b' in {0}", "not 'q' in {0}", "-len({0})", "[{0}.find, 2][0]('an')",
    "len(\n{0}\n)", "('an'\nin\n{0})", "(len\n({0}))", "len({0},)", "len(f'{{len({0})}}')", "f'{{{0}.find(\"an\")}}' in {0}", "show(len)({0})", "{0}.title()[0]",
]  # fmt: skip


def indented(block: str) -> str:
    """The block, one level deeper. Continued lines may move: they are all inside brackets or strings."""
    return "\n".join("    " + line for line in block.split("\n"))


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    """An expression in parentheses, or one that needs none."""
    kind = draw(st.integers(0, 11 if depth else 3))
    if kind <= 1:
        return "(" + draw(st.sampled_from(PARTS)).format(draw(TEXTS)) + ")"
    if kind <= 3:
        return draw(st.sampled_from(LEAVES))
    inner = expressions(depth - 1)
    name, one, two = draw(NAMES), draw(inner), draw(inner)
    forms = [
        f"[{one} for {name} in ({two},)]", f"list({one} for {name} in [{two}, 2] if {draw(inner)})", f"({name} := {one})",
        f"[({name} := {one}) for _ in [1]]", f"(lambda {name}: {one})({two})", f"({one} if {two} else 0)", f"show({one})", f"{{{one!s}: {two}}}",
        f"({one}, {two})", f"[{one} for _ in 'ab' for {name} in [{two}]]", f"({one} == {two})", f"(lambda {name}={one}: {two})()",
        f"[(lambda: {one})() for {name} in [{two}]]", f"len({one})", f"({one} in {name})", f"f'{{{one}}}'" if "'" not in one and "\\" not in one else one,
    ]  # fmt: skip
    return draw(st.sampled_from(forms))


@st.composite
def simple(draw: st.DrawFn, in_function: bool) -> str:
    """A statement of one line."""
    name, value = draw(NAMES), draw(expressions())
    forms = [
        f"show({value})", value, f"{name} = {value}", f"{name} = y = {value}", f"{name}, y = {value}, 2", f"{name} += {value}", f"{name}: {value} = {value}",
        f"{name}: int", f"import math as {name}", f"from math import pi as {name}", f"del {name}", "pass", f"assert {value}, {name}", f"x[{value}] = {name}",
        f"show({value}); {name} = 'mine'; show({draw(expressions())})",
    ]  # fmt: skip
    if in_function:
        forms += [f"return {value}", f"global {name}; {name} = {value}", f"nonlocal {name}"]
    else:
        forms += [f"exec('{name} = 5')", f"globals()['{name}'] = 'mine'"]
    return draw(st.sampled_from(forms))


@st.composite
def statements(draw: st.DrawFn, depth: int = 2, in_function: bool = False) -> str:
    """A statement, maybe with blocks."""
    kind = draw(st.integers(0, 9 if depth else 4))
    if kind <= 3:
        return draw(simple(in_function))
    if kind == 4:
        return f"try: show({draw(expressions())})\nexcept Exception as {draw(NAMES)}: show('failed')"
    name, value = draw(NAMES), draw(expressions(1))
    block = indented(draw(blocks(depth - 1, in_function=in_function)))
    body = indented(draw(blocks(depth - 1, in_function=True)))
    called = draw(st.sampled_from(["f()", "f(ctx)", "f(P)", "f('mine', 2)"]))
    rest = "try: show({})\nexcept Exception as e: show('failed'); e = 0"
    default = draw(expressions(1))
    headers = [
        f"if {value}:\n{block}\nelse:\n    {name} = 3",
        f"for {name} in [{value}, 'two']:\n{block}",
        f"while {value}:\n{block}\n    break",
        f"with Manager({value}) as {name}:\n{block}",
        f"try:\n{block}\nexcept TypeError as {name}:\n    show('type')\nexcept (NameError, AttributeError, ValueError):\n    show(1)\nfinally:\n    show(2)",
        f"match {value}:\n    case [{name}, *y]:\n        show(y)\n    case {{'k': 1, **{name}}}:\n        pass\n    case str() as {name}:\n{indented(block)}\n    case _:\n{indented(block)}",
        f"def f({name}={default}, *args):\n{body}\n" + rest.format(called),
        f"@same\ndef f(x={default}, *args: {value}, {name}=1) -> {value}:\n{body}\n" + rest.format(called),
        f"class C:\n{indented(draw(blocks(depth - 1)))}\n    def f(self, x=1):\n{indented(body)}\n" + rest.format("C().f()"),
        f"def f(x=1, *args):\n    {name} = 'local'\n    def g():\n{indented(body)}\n    return g()\n" + rest.format(called),
        f"def f(*args):\n    global {name}\n    {name} = {value}\n{block if not in_function else '    pass'}\nshow(1)",
        f"f = lambda {name}, *args: {value}\n" + rest.format(called),
        f"if f:\n    show(f({value}))",
    ]  # fmt: skip
    return draw(st.sampled_from(headers))


@st.composite
def blocks(draw: st.DrawFn, depth: int = 2, in_function: bool = False) -> str:
    """One to three statements."""
    return "\n".join(draw(st.lists(statements(depth, in_function=in_function), min_size=1, max_size=3)))


@st.composite
def cells(draw: st.DrawFn) -> str:
    """A whole cell."""
    return "\n".join(draw(st.lists(statements(2), min_size=1, max_size=4)))


sessions = st.lists(cells(), min_size=1, max_size=3)
