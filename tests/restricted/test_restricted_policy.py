"""What comes out of the policy: every attribute, import, class statement and context manager goes through a hook."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

import pytest
from escape_attempts import ATTEMPTS
from restricted_cells import CELLS
from restricted_harness import Cells

from restricted import rules
from restricted.policy import checked, compiled

LIBRARY = [path for path in sorted(Path(ast.__file__).parent.glob("*.py")) if 2_000 < path.stat().st_size < 40_000][::3]
HOOKS = {
    rules.READ,
    rules.LOOK,
    rules.WRITE,
    rules.CLASS,
    rules.IMPORT,
    rules.MEMBER,
    rules.ALL,
    rules.MANAGER,
    rules.ANYTHING,
    rules.CAUGHT,
}


def unguarded(source: str) -> list[str]:
    """Places of a cell's checked tree that go past a hook; empty where the policy refuses it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = checked(ast.parse(source))
    except (SyntaxError, ValueError):
        return []
    patterns = {id(part) for node in ast.walk(tree) if isinstance(node, ast.pattern) for part in ast.walk(node)}
    return [ast.dump(node)[:200] for node in ast.walk(tree) if not _guarded(node, id(node) in patterns)]


def _guarded(node: ast.AST, in_pattern: bool) -> bool:
    match node:
        case ast.Attribute(attr=name, ctx=ast.Load(), value=value):
            template = name == "format" and isinstance(value, ast.Constant)
            return name in rules.METHODS_OF_DATA or template or (in_pattern and name not in rules.UNMATCHED and name[0] != "_")
        case ast.Attribute(value=ast.Call(func=ast.Name(id=rules.WRITE))):
            return True
        case ast.Attribute() | ast.Import() | ast.ImportFrom() | ast.AsyncFunctionDef() | ast.Await() | ast.ExceptHandler(type=None):
            return False
        case ast.ClassDef(keywords=keywords):
            return keywords[-1].arg == "metaclass" and isinstance(keywords[-1].value, ast.Name) and keywords[-1].value.id == rules.CLASS
        case ast.withitem(context_expr=ast.Call(func=ast.Name(id=rules.MANAGER))):
            return True
        case ast.withitem():
            return False
        case ast.Name(id=name):
            return not rules.is_special(name) or name in rules.CLASS_NAMES or name == "__name__"
    return True


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_no_place_in_a_library_file_goes_past_a_hook(path: Path) -> None:
    source = path.read_text(encoding="utf-8", errors="replace")
    for statement in ast.parse(source).body:
        assert not unguarded(ast.unparse(statement))


@pytest.mark.parametrize("source", [*CELLS.values(), *ATTEMPTS.values()])
def test_no_place_in_a_cell_goes_past_a_hook(source: str) -> None:
    for cell in source.split("#--\n"):
        assert not unguarded(cell)


def test_no_identifier_can_name_a_hook() -> None:
    assert not [hook for hook in HOOKS if hook.isidentifier()]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("async def f(): pass", "async is not available here"),
        ("try: pass\nexcept* ValueError: pass", "except* is not available here"),
        ("x = ().__class__.__bases__", "__bases__ is not available here"),
        ("def f():\n    from math import *", "only allowed at module level"),
        ("x = 1\ndef _cb_show(): pass", "reserved"),
        ("(" * 150 + "1" + ")" * 150 + " + " + "-" * 900 + "1", "nested too deeply"),
        ("[" * 20 + "1" + " for x in y]" * 20, "comprehensions inside each other"),
        ("f(" + ",".join(f"a{i}=1" for i in range(3000)) + ")", "more than 2,000 arguments"),
        ("x = 1\0", "null bytes"),
        ("x = '\udc80'", "surrogates not allowed"),
    ],
)
def test_what_is_refused_says_so(source: str, message: str) -> None:
    with pytest.raises(SyntaxError, match=message.replace("*", r"\*").replace("(", r"\(")):
        compiled(source, "<cell 1>")


def test_a_refusal_names_its_line() -> None:
    outcome = Cells().run("x = 1\n\ny = x.__globals__")
    assert outcome.error == ("SyntaxError", "__globals__ is not available here", 3)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("x = 1\n1 / 0", 2),
        ("def f():\n    return g()\ndef g():\n    raise ValueError\nf()", 4),
        ("json.loads('{')", 1),
        ("x = (\n1 +\n'a')", 2),
    ],
)
def test_an_error_names_the_deepest_line_of_its_cell(code: str, line: int) -> None:
    outcome = Cells().run(code)
    assert outcome.error is not None and outcome.error[2] == line


def test_an_error_in_a_function_of_an_earlier_cell_names_the_line_that_called_it() -> None:
    cells = Cells()
    cells.run("def f():\n\n\n    1 / 0")
    assert cells.run("x = 1\nf()").error == ("ZeroDivisionError", "division by zero", 2)
