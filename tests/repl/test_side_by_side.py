"""Two sessions at once: what one prints, and where it stands in a file system, is no concern of the other's."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from cellblock.repl.session import open_session

pytestmark = pytest.mark.anyio
PRINTING = """
for n in range(3):
    print({name!r}, n)
    meet()
"""
WRITING = """
def attempt():
    try:
        open("mark-of-a-cell", "w").write("seen")
    except Exception:
        pass
    try:
        import pathlib
        pathlib.Path("mark-of-a-cell").write_text("seen")
    except Exception:
        pass
    try:
        import os
        os.mkdir("folder-of-a-cell")
        os.chdir("folder-of-a-cell")
    except Exception:
        pass


attempt()
meet()
"""
LOOKING = """
found = []
meet()


def look():
    try:
        found.append(open("mark-of-a-cell").read())
    except Exception:
        pass
    try:
        import os
        found.extend(name for name in os.listdir(".") if name.endswith("-of-a-cell"))
        found.extend(name for name in [os.getcwd()] if name.endswith("-of-a-cell"))
    except Exception:
        pass


look()
FINAL(found)
"""


class Meeting:
    """Lets two cells go on only when both have come, so that both are surely running then."""

    def __init__(self) -> None:
        self.waiting: anyio.Event | None = None

    async def meet(self) -> None:
        if self.waiting is None:
            self.waiting = anyio.Event()
            await self.waiting.wait()
        else:
            self.waiting.set()
            self.waiting = None


async def test_cells_that_run_at_once_print_each_to_its_own_result(sandbox: str) -> None:
    externals, printed = {"meet": Meeting().meet}, dict[str, str]()

    async def run(name: str) -> None:
        async with await open_session(sandbox, externals=externals) as repl:
            printed[name] = (await repl.exec(PRINTING.format(name=name))).stdout

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(run, "left")
            group.start_soon(run, "right")
    assert printed == {name: "".join(f"{name} {n}\n" for n in range(3)) for name in ("left", "right")}


async def test_no_session_sees_files_or_the_folder_of_another_or_of_the_host(
    sandbox: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    externals = {"meet": Meeting().meet}
    async with await open_session(sandbox, externals=externals) as left, await open_session(sandbox, externals=externals) as right:
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(left.exec, WRITING)
                result = await right.exec(LOOKING)
        assert (result.error, result.final) == (None, [])
    assert os.getcwd() == str(tmp_path)
    assert not [*tmp_path.iterdir()]


async def test_workers_of_two_sessions_stand_in_an_empty_root_that_is_not_the_hosts(sandbox: str) -> None:
    async with await open_session(sandbox) as left, await open_session(sandbox) as right:
        await left.exec("x = 1")
        await right.exec("x = 1")
        for one in (left, right):
            assert one._standing.live is not None
            inside = Path(f"/proc/{one._standing.live.process.pid}")
            assert os.stat(inside / "cwd").st_dev != os.stat("/").st_dev or not os.path.samefile(inside / "cwd", "/")
            assert os.path.samefile(inside / "cwd", inside / "root")
            assert not os.access(inside / "cwd" / "etc", os.F_OK)
