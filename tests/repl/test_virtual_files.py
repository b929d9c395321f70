"""`open` and paths over a session's virtual files: how many calls they are, and what becomes of them at limits, errors and forks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cellblock.host.vfs import Vfs, VfsLimits
from cellblock.limits import ExecLimits
from cellblock.repl.protocol import CellError
from cellblock.repl.session import Session, open_session

SANDBOXES = ("monty", "restricted", "wasi")
KINDS = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, OSError, ValueError, TypeError)


class Host:
    """The host's side: files, and every call that was made."""

    def __init__(self, limits: VfsLimits | None = None) -> None:
        self.vfs, self.calls = Vfs(limits or VfsLimits()), list[str]()

    def externals(self, methods: str = "read write append list exists delete") -> dict[str, Callable[..., Any]]:
        return {f"vfs__{method}": self._external(method) for method in methods.split()}

    def _external(self, method: str) -> Callable[..., Any]:
        def external(path: str = "/", *data: Any, **named: Any) -> Any:
            self.calls.append(method)
            try:
                answer = getattr(self.vfs, method)(path, *(one.encode() if isinstance(one, str) else one for one in data))
            except KINDS as error:
                raise CellError(next(kind for kind in KINDS if isinstance(error, kind)).__name__, str(error)) from None
            return answer if type(answer) is not bytes or named.get("binary") else answer.decode()

        return external

    async def session(self, sandbox: str, **options: Any) -> Session:
        return await open_session(sandbox, externals=self.externals(), **options)


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_a_hundred_thousand_small_writes_are_few_calls(sandbox: str) -> None:
    host = Host()
    async with await host.session(sandbox, limits=ExecLimits(host_calls=10)) as session:
        result = await session.exec("with open('/a', 'w') as f:\n    for i in range(100_000):\n        f.write('x')")
        assert result.error is None
    assert host.vfs.read("/a") == b"x" * 100_000
    assert len(host.calls) <= 2


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_more_calls_than_allowed_are_an_error_of_the_cell(sandbox: str) -> None:
    host = Host()
    async with await host.session(sandbox, limits=ExecLimits(host_calls=50)) as session:
        for code in ("vfs.append('/a', 'x')", "open('/a', 'a').close()", "open('/a').read()"):
            result = await session.exec(f"vfs.write('/a', '')\nfor i in range(10**6):\n    {code}")
            assert result.error is not None, code
            assert "host_calls" in f"{result.error.message}{result.error.limit}", code
    assert len(host.calls) <= 3 * 100


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_a_file_that_outgrows_its_quota_is_an_error_and_takes_no_more_memory(sandbox: str) -> None:
    host = Host(VfsLimits(file_bytes=2**20))
    async with await host.session(sandbox, limits=ExecLimits(memory_bytes=64 * 2**20, wall_seconds=5)) as session:
        await session.exec("x = 41")
        result = await session.exec("f = open('/a', 'w')\nfor i in range(10**6):\n    f.write('x' * 10_000)")
        assert result.error is not None
        assert result.error.kind in ("OSError", "LimitExceeded")
        result = await session.exec("print(x + 1, vfs.exists('/plans'))")
        assert result.stdout == "42 True\n"
    assert host.vfs.total_bytes <= 2**20


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_a_thousand_open_files_are_written(sandbox: str) -> None:
    host = Host(VfsLimits(files=1_000))
    async with await host.session(sandbox, limits=ExecLimits(host_calls=2_100)) as session:
        code = "files = [open(f'/x/{i}', 'w') for i in range(1000)]\nfor f in files:\n    f.write('y')"
        assert (await session.exec(code)).error is None
    assert set(host.vfs.files().values()) == {b"y"}
    assert len(host.vfs.files()) == 1_000


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_more_open_files_than_calls_do_not_end_the_session(sandbox: str) -> None:
    host = Host()
    async with await host.session(sandbox, limits=ExecLimits(host_calls=10)) as session:
        await session.exec("x = 41")
        result = await session.exec("files = [open(f'/x/{i}', 'w') for i in range(100)]\nfor f in files:\n    f.write('y')")
        assert result.error is not None
        assert "host_calls" in result.error.message
        assert (await session.exec("print(x + 1, len(vfs.list('/x')) <= 10)")).stdout == "42 True\n"


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_a_session_whose_files_are_for_reading_says_so(sandbox: str) -> None:
    host = Host()
    host.vfs.write("/a", b"one")
    async with await open_session(sandbox, externals=host.externals("read list exists")) as session:
        assert (await session.exec("print(open('/a').read())")).stdout == "one\n"
        result = await session.exec("try:\n    open('/a', 'w')\nexcept PermissionError as e:\n    print(e)")
        assert result.stdout == "vfs.write is not available in this session\n"


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", ["restricted", "wasi"])
async def test_what_a_stopped_cell_left_in_an_open_file_is_written_by_the_next(sandbox: str) -> None:
    host = Host()
    async with await host.session(sandbox) as session:
        code = "f = open('/a', 'w')\nf.write('one')\nwhile True:\n    pass"
        result = await session.exec(code, limits=ExecLimits(wall_seconds=0.2))
        assert result.error is not None
        assert (result.error.limit, result.state) == ("wall_seconds", "kept")
        assert host.calls == []
        assert (await session.exec("print(vfs.read('/a'))")).stdout == "one\n"


@pytest.mark.anyio
async def test_what_a_killed_cell_wrote_to_an_open_file_is_gone_with_it() -> None:
    host = Host()
    async with await host.session("monty") as session:
        code = "f = open('/a', 'w')\nf.write('one')\nwhile True:\n    pass"
        result = await session.exec(code, limits=ExecLimits(wall_seconds=0.2))
        assert result.state == "rolled_back"
        assert (await session.exec("print(repr(vfs.read('/a')))")).stdout == "''\n"


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_an_open_file_works_in_a_copy_of_its_session(sandbox: str) -> None:
    host = Host()
    async with await host.session(sandbox) as session:
        await session.exec("f = open('/a', 'w')\nn = f.write('one')")
        async with await session.fork() as other:
            assert (await other.exec("n = f.write('!')\nf.close()\nprint(vfs.read('/a'))")).stdout == "one!\n"


_TRIES = """
from pathlib import Path
for mode in ("r", "w", "a"):
    try:
        with open(PATH, mode) as f:
            f.read() if mode == "r" else f.write("x")
    except (OSError, ValueError, TypeError) as e:
        print(len(str(e)) < 500)
try:
    print(Path(PATH).exists() in (True, False))
except (OSError, ValueError, TypeError) as e:
    print(len(str(e)) < 500)
"""


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
@pytest.mark.parametrize(
    "path",
    ["'/x' * 10**6", "'a' * 10**7", "'/a\\0b'", "'/..'", "'\\\\x'", "'/' + chr(0x202e)", "'/a\\nb'", "chr(0xd800)", "b'/a/../b'", "''"],
)
async def test_a_hostile_path_is_an_error_and_no_more(sandbox: str, path: str) -> None:
    host = Host()
    async with await host.session(sandbox) as session:
        result = await session.exec(_TRIES.replace("PATH", path))
        assert result.error is None
        assert set(result.stdout.split()) == {"True"}
        assert (await session.exec("1 + 1")).value_preview == "2"
    assert all(path == host.vfs.normal(path) for path in host.vfs.files())


@pytest.mark.anyio
@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_a_file_that_is_no_text_is_an_error_that_says_so(sandbox: str) -> None:
    host = Host()
    host.vfs.write("/a", b"\xff\xfe")
    async with await host.session(sandbox) as session:
        result = await session.exec(
            "try:\n    open('/a').read()\nexcept ValueError as e:\n    print('utf-8' in str(e))\nprint(open('/a', 'rb').read())"
        )
        assert (result.stdout, result.error) == ("True\nb'\\xff\\xfe'\n", None)


@pytest.mark.anyio
async def test_a_monty_handle_of_another_kind_of_path_is_no_way_around() -> None:
    host = Host()
    async with await host.session("monty") as session:
        for code in (
            "Path('/a').chmod(0)",
            "Path('/a').symlink_to('/etc/passwd')",
            "Path('/a').hardlink_to('/b')",
            "Path('/etc').rmdir()",
            "Path('~').expanduser()",
        ):
            result = await session.exec(f"from pathlib import Path\n{code}")
            assert result.error is not None, code
            assert result.state == "kept", code
        assert (
            await session.exec("from pathlib import Path\nprint(Path('/a').resolve(), Path('x').absolute(), Path('/plans').stat().st_size)")
        ).error is None
