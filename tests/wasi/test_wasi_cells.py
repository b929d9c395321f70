"""Ordinary cells: what they print, show, raise, and leave behind."""

# ruff: noqa: E501 - a cell stands on one line

import json

import pytest

from interpreter import GuestError

GENERATOR = "def g():\n    for i in range(9):\n        yield i\nit = g()\nnext(it)"


def test_variables_persist_and_are_listed_in_order(session):
    session.cell("b = 1\na = b + 1\nimport math as m\ndef f(): pass\n_private = 1")
    assert session.names() == ["b", "a", "m", "f", "_private"]
    assert session.value("a") == "2"


def test_names_of_ours_count_once_a_cell_has_bound_them(session):
    session.cell("P = 5\nre = None")
    assert session.names() == ["re", "P"] or session.names() == ["P", "re"]


def test_output_arrives_in_order_with_what_a_failing_cell_printed(session):
    outcome = session.cell("import sys\nprint('a', end='')\nprint('b', file=sys.stderr)\n1 / 0\nprint('c')")
    assert "".join(session.printed) == "ab\n"
    assert outcome.error == ("ZeroDivisionError", "division by zero", 4)


@pytest.mark.parametrize(
    ("code", "kind", "message", "line"),
    [
        ("x = 1\n{}['k']", "KeyError", "'k'", 2),
        ("def f():\n    raise ValueError('no')\n\nf()", "ValueError", "no", 2),
        ("class E(Exception):\n    pass\nraise E(1, 2)", "E", "(1, 2)", 3),
        (
            "import json\njson.loads('{')",
            "JSONDecodeError",
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            2,
        ),
        ("exec('1 +')", "SyntaxError", "invalid syntax", 1),
        ("nope", "NameError", "name 'nope' is not defined", 1),
        ("raise SystemExit(3)", "SystemExit", "3", 1),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", "", 1),
        ("raise ValueError('x' * 10_000)", "ValueError", "x" * 4_000, 1),
        ("assert 1 == 2, 'why'", "AssertionError", "why", 1),
    ],
)
def test_an_error_has_its_kind_message_and_line(session, code, kind, message, line):
    assert session.cell(code).error == (kind, message, line)


def test_the_line_is_the_last_one_in_this_cell(session):
    session.cell("\n\n\n\ndef deep():\n    return 1 / 0")
    assert session.cell("x = 1\n\ndeep()").error == ("ZeroDivisionError", "division by zero", 3)


def test_a_failing_cell_keeps_what_it_bound_before(session):
    session.cell("x = 1\ny = 2 / 0")
    assert session.names() == ["x"]


def test_only_a_value_that_is_no_none_is_shown(session):
    assert session.cell("_cb_show((None))", shows=True).preview is None
    assert session.cell("_cb_show(('a'))", shows=True).preview == "'a'"
    assert session.cell("x = 1", shows=False).preview is None


def test_inputs_are_bound_before_the_cell(session):
    text = "naïve \U0001f600 " * 20_000
    inputs = {"s": "a", "long": text, "l": [1, (2,), {"k": b"\0\xff"}], "big": 10**40, "x": float("inf"), "d": {"$t": 0, "$": 1}}
    session.cell("None", inputs=inputs)
    assert session.value("(s, len(long), l, big, x, d)") == (
        f"('a', {len(text)}, [1, (2,), {{'k': b'\\x00\\xff'}}], {10**40}, inf, {{'$t': 0, '$': 1}})"
    )
    assert session.get("long") == text


def test_values_come_out_as_they_are(session):
    session.cell("v = [None, True, 1, -2**70, 1.5, float('-inf'), 'a\\ud800b', b'\\x00', {'k': [()]}, 'x' * 5000, '\\U0001f600' * 5000]")
    assert session.get("v") == [
        None, True, 1, -(2**70), 1.5, float("-inf"), "a\ud800b", b"\0", {"k": [[]]}, "x" * 5000, "\U0001f600" * 5000,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "part"),
    [
        ("nope", "LookupError", "no variable named 'nope'"),
        ("s", "TypeError", "a set cannot cross"),
        ("f", "TypeError", "a function cannot"),
    ],
)
def test_what_cannot_come_out_says_why(session, name, kind, part):
    session.cell("s = {1}\ndef f(): pass")
    with pytest.raises(GuestError) as raised:
        session.get(name)
    assert raised.value.kind == kind and part in raised.value.message


def test_externals_get_their_arguments_and_give_values_back(new_session):
    session = new_session(far=["ask"])
    session.externals["ask"] = lambda *a, **k: {"got": [list(a), k], "text": "é" * 3_000}
    printed = session.output("r = ask('q', 1, b'\\x00', (1, 2), model='m')\nprint(r['got'], len(r['text']))")
    assert printed == "[['q', 1, b'\\x00', [1, 2]], {'model': 'm'}] 3000\n"
    assert session.calls == [("ask", ("q", 1, b"\0", [1, 2]), {"model": "m"})]


def test_a_near_function_may_give_tuples(session):
    session.externals["ctx__find"] = lambda pattern: [(0, 1, pattern)]
    assert session.value("ctx.find('a')") == "[(0, 1, 'a')]"


def test_an_external_sees_what_was_printed_before_it(new_session):
    session = new_session(far=["ask"])
    session.externals["ask"] = lambda: "".join(session.printed)
    assert session.output("print('first')\nprint(repr(ask()))") == "first\n'first\\n'\n"


@pytest.mark.parametrize(
    ("kind", "caught"),
    [("ValueError", "ValueError: bad"), ("CellError", "RuntimeError: CellError: bad"), ("SystemExit", "RuntimeError: SystemExit: bad"),
     ("UnicodeDecodeError", "RuntimeError: UnicodeDecodeError: bad"), ("KeyError", "KeyError: 'bad'"), ("print", "RuntimeError: print: bad")],
)  # fmt: skip
def test_an_external_error_rises_in_the_cell_as_a_builtin_one(new_session, kind, caught):
    session = new_session(far=["ask"])

    def ask():
        raise GuestError(kind, "bad")

    session.externals["ask"] = ask
    assert session.output("try:\n    ask()\nexcept Exception as e:\n    print(f'{type(e).__name__}: {e}')") == caught + "\n"


def test_whatever_else_an_external_raises_ends_the_run_as_it_is(new_session):
    class HostGone(BaseException):
        pass

    session = new_session(far=["ask"])

    def ask():
        raise HostGone

    session.externals["ask"] = ask
    with pytest.raises(HostGone):
        session.cell("try:\n    ask()\nexcept BaseException:\n    pass")
    assert session.cell("1").lost


def test_arguments_that_are_not_plain_are_refused_inside_the_cell(new_session):
    session = new_session(far=["ask"])
    assert "a set cannot cross" in session.cell("ask({1})").error[1]
    assert "a object cannot cross" in session.cell("ask([object()])").error[1]
    assert "nested too deep" in session.cell("l = []\nl.append(l)\nask(l)").error[1]


def test_a_print_flood_needs_no_memory(new_session):
    session = new_session(memory_bytes=16 * 2**20)
    outcome = session.cell("for i in range(30_000):\n    print('x' * 1_000)")
    assert outcome.error is None
    assert sum(map(len, session.printed)) == 30_000 * 1_001
    assert max(map(len, session.printed)) < 100_000


def test_the_clock_stands_still_and_sleep_returns_at_once(session, timer):
    session.cell("import time, datetime\na = time.time()\ntime.sleep(100)\nb = time.time()")
    assert timer() < 10
    assert session.value("(a, b, datetime.datetime.now().isoformat())") == "(1700000000.0, 1700000000.0, '2023-11-14T22:13:20')"
    assert session.value("time.monotonic() - time.monotonic() < 0") == "True"


def test_asyncio_runs_and_its_sleeps_take_no_time(session, timer):
    code = "import asyncio\nasync def f(n):\n    await asyncio.sleep(n)\n    return n\nasync def main():\n    return await asyncio.gather(f(3), f(1))"
    assert session.output(f"{code}\nprint(asyncio.run(main()))") == "[3, 1]\n"
    assert timer() < 10


def test_random_numbers_are_those_of_cpython_for_the_same_seed(new_session):
    import random

    random.seed(99)
    expected = [random.random(), random.randrange(1000), random.gauss(0, 1)]
    assert new_session(seed=99).value("[random.random(), random.randrange(1000), random.gauss(0, 1)]") == repr(expected)


def test_random_bytes_follow_from_the_seed_too(new_session):
    code = "__import__('uuid').uuid4().hex + __import__('secrets').token_hex(8)"
    assert new_session(seed=1).value(code) == new_session(seed=1).value(code) != new_session(seed=2).value(code)


def test_two_sessions_show_the_same_addresses_and_hashes(new_session):
    code = "(object(), hash('a'), id(json), {str(i) for i in range(20)}, (lambda: 0))"
    assert new_session().value(code) == new_session().value(code)


MODULES = json.loads(
    '["abc","array","ast","asyncio","base64","binascii","bisect","calendar","cmath","collections","configparser","contextlib","copy","csv",'
    '"dataclasses","datetime","decimal","difflib","enum","fractions","functools","graphlib","gzip","hashlib","heapq","hmac","html","inspect",'
    '"io","ipaddress","itertools","json","logging","math","numbers","operator","pprint","random","re","secrets","shlex","sqlite3","statistics",'
    '"string","struct","textwrap","time","tomllib","traceback","types","typing","unicodedata","urllib.parse","uuid","weakref",'
    '"xml.etree.ElementTree","zipfile","zlib","zoneinfo"]'
)


def test_the_modules_that_the_prompt_names_can_be_imported(session):
    import tomllib

    from wasi_harness import SANDBOXES

    named = tomllib.loads((SANDBOXES / "wasi" / "sandbox.toml").read_text())["prompt"]["modules"]
    assert session.cell("\n".join(f"import {name}" for name in {*named, *MODULES})).error is None


@pytest.mark.parametrize(
    "code",
    [
        "import ast\nassert ast.unparse(ast.parse('x=1')) == 'x = 1'",
        "assert len(str(10**4_000)) == 4_001",
        "import sys\nsys.set_int_max_str_digits(0)\nassert int('7' * 50_000) == int(str(int('7' * 50_000)))",
        "from datetime import datetime\nassert datetime.strptime('2024-02-29', '%Y-%m-%d').day == 29",
        "import sqlite3\nassert sqlite3.connect(':memory:').execute('select 1 + 1').fetchone() == (2,)",
        "import xml.etree.ElementTree as E\nassert E.fromstring('<a><b/></a>')[0].tag == 'b'",
        "from collections import Counter\nassert Counter('aab').most_common(1) == [('a', 2)]",
        "import hashlib\nassert hashlib.sha256(b'').hexdigest()[:4] == 'e3b0'",
        "import decimal, fractions, statistics\nassert statistics.mean([decimal.Decimal(1), decimal.Decimal(2)]) == decimal.Decimal('1.5')",
        "from enum import Enum\nclass C(Enum):\n    A = 1\nassert C(1) is C.A",
        "from dataclasses import dataclass\n@dataclass(frozen=True, order=True)\nclass D:\n    a: int\nassert D(1) < D(2)",
        "import typing\nclass N(typing.NamedTuple):\n    a: int = 1\nassert N() == (1,)",
        "match {'k': [1, 2]}:\n    case {'k': [a, *b]}:\n        assert (a, b) == (1, [2])",
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(1, 1)\nassert unittest.TextTestRunner().run(T('test_a')).wasSuccessful()",
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as out: print('x')\nassert out.getvalue() == 'x\\n'",
        "import pickle\nclass C: pass\nassert type(pickle.loads(pickle.dumps(C()))) is C",
        "import traceback\ntry: 1 / 0\nexcept ZeroDivisionError: assert 'ZeroDivisionError' in traceback.format_exc()",
        "import email.message\nm = email.message.EmailMessage()\nm['Subject'] = 'é'\nm.set_content('x')\nassert 'Subject' in m.as_string()",
        "import zipfile, io\nz = zipfile.ZipFile(io.BytesIO(), 'w')\nz.writestr('a', 'b')\nassert z.read('a') == b'b'",
        "import concurrent.futures",
        "import logging\nlogging.getLogger().warning('x')",
    ],
)
def test_the_standard_library_works_without_files(session, code):
    assert session.cell(code).error is None
