"""Files, paths and the objects of far functions under the language policy: what works, and that nothing leads out through them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from file_attempts import ATTEMPTS
from restricted_harness import Cells
from test_restricted_escapes import SECRET, reached, trusted

from cellblock.host.vfs import Vfs
from interpreter import GuestError

FAR = ("vfs__read", "vfs__write", "vfs__append", "vfs__list", "vfs__exists", "vfs__delete")


def session() -> tuple[Cells, Vfs]:
    vfs = Vfs()

    def dispatch(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kwargs.pop("binary", None)
        args = tuple(arg.encode() if type(arg) is str and place else arg for place, arg in enumerate(args))
        try:
            return getattr(vfs, name.removeprefix("vfs__"))(*args, **kwargs)
        except (OSError, ValueError, TypeError) as error:
            raise GuestError(type(error).__name__, str(error)) from None

    return Cells(dispatch, FAR), vfs


@pytest.mark.parametrize("code", ATTEMPTS)
def test_nothing_leads_out_through_files(code: str) -> None:
    cells, vfs = session()
    before, dumps = trusted(cells), json.dumps.__code__
    outcome = cells.run(code)
    assert SECRET not in f"{cells.printed}{outcome.preview}{outcome.error}"
    assert outcome.error is None or outcome.error[0] != "AssertionError", outcome.error
    variables = cells.interpreter.variables
    assert not [found for key in cells.interpreter.names() if (found := _reached(variables[key]))]
    assert trusted(cells) == before
    assert json.dumps.__code__ is dumps
    assert all(path in ("/a", "/b") for path in vfs.list())
    assert cells.value("print(vfs.exists('/'), open('/plans/x', 'w').write('1'), vfs.list('/plans'))\n1") == "1"


def _reached(value: Any) -> str | None:
    kind = type(value).__name__
    return (
        "a part of ours" if kind in ("Files", "PurePosixPath", "function", "method", "mappingproxy") and value.__class__ else reached(value)
    )


def test_ordinary_errors_say_what_is_wrong_in_one_line() -> None:
    cells, _ = session()
    for code in (
        "open('/a', 'q')",
        "open(7)",
        "open('/a', 'rw')",
        "open('/a', 'a+')",
        "open('/a', 'rb', encoding='utf-8')",
        "open('/a', 5)",
    ):
        error = cells.run(code).error
        assert error is not None
        assert error[0] in ("ValueError", "TypeError")
        assert "\n" not in error[1]


def test_a_million_small_writes_are_one_call() -> None:
    calls = []

    def dispatch(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        calls.append((name, len(args[1])))

    cells = Cells(dispatch, FAR)
    outcome = cells.run("with open('/a', 'w') as f:\n    for i in range(200_000):\n        f.write('x')")
    assert outcome.error is None
    assert calls == [("vfs__write", 200_000)]


def test_a_path_is_carried_by_a_dump_and_an_open_file_is_named() -> None:
    cells, _ = session()
    cells.run(
        "from pathlib import Path\np, q = Path('/plans') / 'a', [Path('b')]\nread = p.read_text\np.write_text('1')\nf = open('/plans/a')"
    )
    other, lost = cells.reloaded()
    assert list(lost) == ["f"]
    assert "open it again" in lost["f"]
    assert other.value("print(p, q, read(), isinstance(p, Path), p in {p})\n1") == "1"
    assert other.printed == "/plans/a [PosixPath('b')] 1 True True\n"


def test_a_saved_state_makes_no_path_of_anything_but_text() -> None:
    cells, _ = session()
    cells.run("from pathlib import Path\np = Path('/a')")
    pieces, _ = cells.interpreter.dump()
    whole = b"".join(pieces).replace(b"\xa4Path\xa2/a", b"\xa4Path\x05\x05\x05")
    with pytest.raises(GuestError, match="cannot be loaded"):
        cells.interpreter.load(__import__("restricted_harness").request(far=FAR), {}, memoryview(whole))


def test_a_failed_write_is_told_once() -> None:
    cells, vfs = session()
    vfs.write("/folder/x", b"")
    assert cells.run("f = open('/folder', 'w')\nf.write('1')").error is not None
    assert cells.run("print(vfs.list())").error is None


def test_an_open_file_is_written_in_the_order_of_its_cell() -> None:
    cells, _ = session()
    cells.run("f = open('/a', 'w')\nf.write('1')\nx = vfs.read('/a')\nf.write('2')\ny = vfs.read('/a')\nf.close()\nz = vfs.read('/a')")
    assert [cells.interpreter.variables[name] for name in "xyz"] == [b"1", b"12", b"12"]
