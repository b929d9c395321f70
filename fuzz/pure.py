"""Targets without a sandbox: what the host decodes, parses and checks by itself."""

from __future__ import annotations

import posixpath
import shutil
import socket
import tempfile
import warnings
from pathlib import Path
from typing import Any

from ground import Ground, quickly
from hypothesis import strategies as st
from proxy_programs import sessions as proxy_sessions
from proxy_twin import Endless, Twin, compiled

from cellblock.engine.parse import parse_reply
from cellblock.errors import CellblockError, SandboxBroken, StoreError, TamperedSnapshot
from cellblock.host.exporting import export
from cellblock.host.vfs import Vfs, VfsLimits
from cellblock.repl.base import SavedState
from cellblock.repl.guests import monty
from cellblock.repl.snapshot import seal, unseal
from cellblock.repl.wire import Call, Done, Incoming, Wire
from cellblock.testing import frames, paths, replies, snapshots
from cellblock.values import ValueCaps, plain, whole
from proxy import CellRefused

CAPS = ValueCaps(total_bytes=200_000, items=10_000)
ROOMY = ValueCaps(depth=CAPS.depth + 3)
SMALL = VfsLimits(total_bytes=40, file_bytes=20, files=5)


# -- frames


def a_wire(ground: Ground) -> Wire:
    """The host's end of a wire whose other end is gone."""
    mine, theirs = socket.socketpair()
    theirs.close()
    wire = Wire(mine, CAPS)
    ground.later(wire.close)
    return wire


def take_apart(wire: Wire, data: bytes) -> tuple[Incoming | None, Any]:
    """A frame and its values as the host reads them; nothing of what it refuses."""
    try:
        frame = wire.decode(data)
        if isinstance(frame, Call):
            return frame, whole(wire.opening(frame.args, frame.kwargs))
        if isinstance(frame, Done):
            return frame, whole(wire.opening(frame.final or []))[0]
        return frame, whole(wire.opening([getattr(frame, "value", None)]))[0][0]
    except SandboxBroken as refused:
        assert "\n" not in str(refused)
        return None, None


def check_frame(ground: Ground, data: bytes) -> None:
    """A frame is refused, or its values are plain data within the caps."""
    if "wire" not in ground.state:
        ground.state["wire"] = a_wire(ground)
    frame, content = quickly(take_apart, ground.state["wire"], data)
    if frame is not None:
        assert same(plain(_listed(content), ROOMY), _listed(content))


def _listed(content: Any) -> Any:
    return [content[0], content[1]] if isinstance(content, tuple) else content


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same to the last bit and type; a NaN is itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    return repr(one) == repr(other) if isinstance(one, float) else bool(one == other)


# -- replies


def check_reply(ground: Ground, reply: str) -> None:
    """A reply is taken apart without an error, in time, and what is found in it is text of it."""
    parsed = quickly(parse_reply, reply)
    assert all(code.strip() for code in parsed.cells)
    assert all(type(code) is str for code in parsed.cells)
    assert len(parsed.text) <= len(reply)
    assert sum(map(len, parsed.cells)) <= len(reply)
    for answer in parsed.answer:  # each by itself: a list around it would be one level more
        plain(answer)


# -- paths

steps = st.lists(
    st.tuples(st.sampled_from(["write", "append", "delete", "read", "list", "copy"]), paths(), st.binary(max_size=12)), max_size=8
)


def check_paths(ground: Ground, work: list[tuple[str, str, bytes]]) -> None:
    """Whatever is done to virtual files: no path leaves their root, no quota is passed, and an export stays in its folder."""
    vfs = Vfs(SMALL)
    for how, path, data in work:
        before = vfs.files()
        try:
            vfs = quickly(_act, vfs, how, path, data)
        except (ValueError, OSError) as refused:
            assert str(refused).isprintable(), refused
            assert vfs.files() == before
    for kept in vfs.files():
        assert kept == posixpath.normpath(kept) == vfs.normal(kept)
        assert kept.startswith("/") and not kept.startswith("//") and ".." not in kept.split("/")
    assert vfs.total_bytes == sum(map(len, vfs.files().values())) <= SMALL.total_bytes
    assert len(vfs.files()) <= SMALL.files
    _check_export(vfs)


def _act(vfs: Vfs, how: str, path: str, data: bytes) -> Vfs:
    if how == "copy":
        return vfs.copy()
    if how in ("write", "append"):
        (vfs.write if how == "write" else vfs.append)(path, data)
        assert vfs.read(path).endswith(data) and vfs.exists(path)
    elif how == "delete":
        vfs.delete(path)
        assert not vfs.is_dir(path) or path
    else:
        (vfs.read if how == "read" else vfs.list)(path)
    return vfs


def _check_export(vfs: Vfs) -> None:
    around = Path(tempfile.mkdtemp(prefix="cellblock-fuzz-"))
    try:
        (around / "mine").write_text("untouched")
        found: list[Path] = []
        try:
            found = export(vfs.files(), around / "out")
        except CellblockError as refused:
            assert str(refused).isprintable(), refused
        made = {path for path in around.rglob("*") if not path.is_dir()}
        assert made == {around / "mine", *found}
        assert (around / "mine").read_text() == "untouched"
        assert sorted(path.read_bytes() for path in found) == sorted(vfs.files().values() if found else [])
    finally:
        shutil.rmtree(around)


# -- snapshots

_KEY = b"k" * 32


def sealed() -> bytes:
    """A good snapshot."""
    saved = SavedState.holding(b"the state " * 30)
    saved.left_out = {"f": "a closure"}
    return seal(saved, monty(), _KEY)


GOOD = sealed()


def check_snapshot(ground: Ground, data: bytes) -> None:
    """Bytes that are not the ones that were sealed are refused."""
    try:
        quickly(unseal, data, monty(), _KEY)
    except TamperedSnapshot:
        return
    except StoreError as error:
        raise AssertionError(f"it came past the seal: {error}") from None
    raise AssertionError("it was taken")


# -- the proxy

proxied = st.tuples(proxy_sessions, st.booleans(), st.booleans())


def check_proxied(ground: Ground, example: tuple[list[str], bool, bool]) -> None:
    """A rewritten program does what the written one does."""
    sources, tells_completion, binds_all = example
    twin = Twin(tells_completion=tells_completion, binds_all=binds_all)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in sources:
            try:
                compiled(source, shows=False)
                cell = twin.run(source)
            except (SyntaxError, Endless):
                return
            except CellRefused as refused:
                assert "too intricate" in refused.message
                return
            assert twin.guest.log == twin.real.log, cell.code
            assert twin.guest.state() == twin.real.state(), cell.code


STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "frames": frames(),
    "replies": replies(),
    "paths": steps,
    "snapshots": snapshots(GOOD),
    "proxy": proxied,
}
