"""Soft interrupts: the cell ends, its variables stay."""

import collections
import random

import pytest

ENDLESS = {
    "a loop": "while True: pass",
    "json": "import json\nwhile True: json.loads(json.dumps([{'a': i, 'b': 'x' * i} for i in range(300)]))",
    "dicts": "while True:\n    d = {str(i): [i] * 5 for i in range(3_000)}\n    del d",
    "regexes": "import re\nwhile True: re.sub(r'(\\w+) (\\w+)', r'\\2 \\1', 'hello world ' * 500)",
    "sorting": "import random\nwhile True: sorted([random.random() for _ in range(5_000)])",
    "cycles": "class N: pass\nwhile True:\n    a = N()\n    b = N()\n    a.b, b.a = b, a",
    "strings": "s = ''\nwhile True:\n    s += 'x' * 100\n    if len(s) > 10**6: s = ''",
    "exceptions": "while True:\n    try: int('x')\n    except ValueError: pass",
    "long ints": "while True: 3**20_000 % 7**50",
    "compiling": "while True:\n    exec('def f(a, b=2): return [a for _ in range(b)]')\n    f(1)",
    "calls": "while True: echo(1)",
    "printing": "while True: print('x' * 100)",
    "sqlite": "import sqlite3\nc = sqlite3.connect(':memory:')\nwhile True: c.execute('select 1').fetchall()",
    "an error's text": "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
    "swallowed once": "try:\n    while True: pass\nexcept BaseException: pass\nwhile True: pass",
    "in finally": "try:\n    while True: pass\nfinally:\n    while True: pass",
    "in a generator": "def g():\n    while True: yield\nfor _ in g(): pass",
    "sleeping": "import time\nwhile True: time.sleep(1)",
    "a shown value": "class C:\n    def __repr__(self):\n        while True: pass\n_cb_show((C()))",
}


@pytest.fixture
def busy(new_session):
    session = new_session(far=["echo"])
    session.externals["echo"] = lambda value: value
    session.cell("keep = {i: str(i) for i in range(20_000)}")
    return session


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in ENDLESS.items()])
def test_an_interrupt_ends_the_cell_and_keeps_the_variables(busy, code):
    outcome = busy.cell(code, seconds=0.05)
    assert outcome.limit == "interrupted" and not outcome.lost
    assert busy.value("len(keep), keep[19_999]") == "(20000, '19999')"


def test_interrupts_at_random_moments_never_break_the_session(busy):
    chance, ends = random.Random(5), collections.Counter()
    codes = [code for name, code in ENDLESS.items() if name not in ("in finally", "swallowed once")]
    for _ in range(100):
        ends[busy.cell(chance.choice(codes), seconds=chance.uniform(0.002, 0.03)).limit] += 1
    assert ends == {"interrupted": 100}
    assert busy.value("all(keep[i] == str(i) for i in range(20_000))") == "True"


def test_an_interrupt_that_comes_late_hits_nobody(busy):
    busy.wanted = True
    for _ in range(20):
        busy.runtime.engine.increment_epoch()
        assert busy.names() != []
    busy.wanted = False
    busy.runtime.engine.increment_epoch()
    assert busy.cell("sum(range(1_000))").error is None


def test_no_exception_name_of_the_cell_is_the_interrupt(busy):
    outcome = busy.cell("try:\n    while True: pass\nexcept Exception:\n    print('caught')", seconds=0.05)
    assert outcome.limit == "interrupted" and busy.printed == []
