"""Sandboxes by name: those that come with Cellblock, and those that a package adds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import cellblock
from cellblock.errors import SandboxUnavailable
from cellblock.repl.guests import GuestSpec
from cellblock.repl.registry import describe_sandboxes, find_sandbox, known_sandboxes
from cellblock.repl.session import open_session
from cellblock.repl.zygote import close_all

pytestmark = pytest.mark.anyio
NAKED = Path(__file__).parents[2] / "sandboxes" / "naked"
SOURCE = """
from pathlib import Path
from cellblock.repl.guests import GuestSpec
def spec():
    return GuestSpec.from_folder(Path({!r}))
def wrong():
    return 5
"""


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with two entry points: a good one and a wrong one."""
    about = tmp_path / "sandbox_of_others-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sandbox-of-others\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[cellblock.sandboxes]\nothers = others_sandbox:spec\nwrong = others_sandbox:wrong\n")
    (tmp_path / "others_sandbox.py").write_text(SOURCE.format(str(NAKED)))
    monkeypatch.syspath_prepend(tmp_path)


def test_the_registry_knows_every_sandbox() -> None:
    assert {"monty", "restricted", "wasi"} <= set(known_sandboxes())


async def test_a_package_adds_a_sandbox_by_an_entry_point(added: None) -> None:
    assert "others" in known_sandboxes()
    async with await cellblock.open_sandbox("others") as session:
        assert (await session.exec("1 + 1")).value_preview == "2"
    close_all()


async def test_an_entry_point_that_returns_something_else_is_named(added: None) -> None:
    with pytest.raises(SandboxUnavailable, match=r"sandbox 'wrong' \(others_sandbox:wrong\) does not return a GuestSpec"):
        await open_session("wrong")
    described = {info.name: info for info in await describe_sandboxes()}
    assert described["monty"].available and "does not return" in described["wrong"].why


async def test_a_broken_package_is_named_and_hides_nobody(added: None, tmp_path: Path) -> None:
    (tmp_path / "others_sandbox.py").write_text("import nothing_by_this_name\n")
    sys.modules.pop("others_sandbox", None)
    described = {info.name: info for info in await describe_sandboxes()}
    assert described["wasi"].available
    assert "others_sandbox:spec" in described["others"].why and "nothing_by_this_name" in described["others"].why


async def test_every_sandbox_is_usable_here_with_every_layer_on() -> None:
    for info in await describe_sandboxes():
        assert info.available, info.why
        assert set(info.layers.values()) == {"on"}, info.layers


def test_a_folder_without_a_description_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match=r"sandbox.toml cannot be used"):
        GuestSpec.from_folder(tmp_path)
    (tmp_path / "sandbox.toml").write_text("name = 5\n")
    with pytest.raises(SandboxUnavailable, match=r"Expected `str`"):
        GuestSpec.from_folder(tmp_path)


@pytest.mark.parametrize("name", ["monty", "restricted", "wasi"])
def test_every_description_names_its_limits_for_people_too(name: str) -> None:
    folder = find_sandbox(name).driver.parent
    assert (folder / "LIMITATIONS.md").read_text().startswith("#")
