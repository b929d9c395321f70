"""Virtual files against a plain dict, and paths against the one rule that counts."""

from __future__ import annotations

import posixpath

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from cellblock.host.vfs import QuotaExceeded, Vfs, VfsLimits
from cellblock.host.vfs_paths import FOLDERS
from cellblock.testing import paths

LIMITS = VfsLimits(total_bytes=12, file_bytes=8, files=4)
PATHS = st.sampled_from(["/a", "/b", "/a/x", "/a/x/y", "/plans", "/plans/p", "/plans/q", "/c//z", "d"])
DATA = st.binary(max_size=6)


class Model:
    """What `Vfs` is to do, in the plainest way."""

    def __init__(self, own: dict[str, bytes], below: dict[str, bytes]) -> None:
        self.own, self.below = own, below

    def all(self) -> dict[str, bytes]:
        return self.below | self.own

    def folders(self) -> set[str]:
        return {"/", *FOLDERS} | {around for path in self.all() for around in _around(path)}

    def change(self, path: str, data: bytes | None) -> type[Exception] | None:
        """Write, or delete for None; gives the error that this is."""
        if path in self.below:
            return PermissionError
        if path in self.folders():
            return IsADirectoryError
        if any(around in self.all() for around in _around(path)):
            return NotADirectoryError
        if data is None and path not in self.own:
            return FileNotFoundError
        own = {name: kept for name, kept in self.own.items() if name != path} | ({} if data is None else {path: data})
        fits = len(own) <= LIMITS.files and sum(map(len, own.values())) <= LIMITS.total_bytes and len(data or b"") <= LIMITS.file_bytes
        if data is not None and not fits:
            return QuotaExceeded
        self.own = own
        return None


def _around(path: str) -> list[str]:
    found = []
    while (path := posixpath.dirname(path)) != "/":
        found.append(path)
    return found


class VfsMachine(RuleBasedStateMachine):
    """Several file systems, copies and children of each other, each with its model."""

    pairs: Bundle[tuple[Vfs, Model]] = Bundle("pairs")

    def __init__(self) -> None:
        super().__init__()
        self.known: list[tuple[Vfs, Model]] = []

    def _new(self, vfs: Vfs, model: Model) -> tuple[Vfs, Model]:
        self.known.append((vfs, model))
        return vfs, model

    @initialize(target=pairs)
    def begin(self) -> tuple[Vfs, Model]:
        return self._new(Vfs(LIMITS), Model({}, {}))

    def _apply(self, pair: tuple[Vfs, Model], path: str, data: bytes | None, append: bool = False) -> None:
        vfs, model = pair
        path = posixpath.normpath("/" + path.lstrip("/"))
        meant = model.own.get(path, b"") + data if append and data is not None else data
        expected, raised = model.change(path, meant), None
        try:
            if data is None:
                vfs.delete(path)
            else:
                (vfs.append if append else vfs.write)(path, data)
        except OSError as error:
            raised = type(error)
        assert raised == expected

    @rule(pair=pairs, path=PATHS, data=DATA)
    def write(self, pair: tuple[Vfs, Model], path: str, data: bytes) -> None:
        self._apply(pair, path, data)

    @rule(pair=pairs, path=PATHS, data=DATA)
    def append(self, pair: tuple[Vfs, Model], path: str, data: bytes) -> None:
        self._apply(pair, path, data, append=True)

    @rule(pair=pairs, path=PATHS)
    def delete(self, pair: tuple[Vfs, Model], path: str) -> None:
        self._apply(pair, path, None)

    @rule(target=pairs, pair=pairs)
    def copy(self, pair: tuple[Vfs, Model]) -> tuple[Vfs, Model]:
        vfs, model = pair
        return self._new(vfs.copy(), Model(dict(model.own), model.below))

    @rule(target=pairs, pair=pairs)
    def child(self, pair: tuple[Vfs, Model]) -> tuple[Vfs, Model]:
        vfs, model = pair
        return self._new(Vfs(LIMITS, base=vfs), Model({}, model.all()))

    @rule(target=pairs, pair=consumes(pairs))
    def end(self, pair: tuple[Vfs, Model]) -> object:
        if len(self.known) == 1:
            return pair
        self.known.remove(pair)
        return multiple()

    @rule(one=pairs, other=pairs)
    def diff(self, one: tuple[Vfs, Model], other: tuple[Vfs, Model]) -> None:
        mine, theirs = one[1].all(), other[1].all()
        found = one[0].diff(other[0])
        assert {path for path, what in found.items() if what == "added"} == theirs.keys() - mine.keys()
        assert {path for path, what in found.items() if what == "removed"} == mine.keys() - theirs.keys()
        assert {path for path, what in found.items() if what == "changed"} == {
            p for p in mine.keys() & theirs.keys() if mine[p] != theirs[p]
        }

    @invariant()
    def all_are_as_their_models(self) -> None:
        for vfs, model in self.known:
            assert vfs.files() == model.own
            assert vfs.total_bytes == sum(map(len, model.own.values()))
            assert vfs.sizes() == {path: len(data) for path, data in model.all().items()}
            assert vfs.list() == sorted(model.all())
            for folder in model.folders():
                assert vfs.is_dir(folder)
                names = {path[len(folder.rstrip("/")) + 1 :].split("/")[0] for path in {*model.all(), *model.folders()} - {folder, "/"}
                         if path.startswith(folder.rstrip("/") + "/")}  # fmt: skip
                assert vfs.folder(folder) == sorted(names)


TestVfs = VfsMachine.TestCase
TestVfs.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@given(paths())
@settings(max_examples=1_000, deadline=None)
def test_no_accepted_path_leaves_the_root(path: str) -> None:
    vfs = Vfs()
    try:
        vfs.write(path, b"x")
    except (ValueError, OSError):
        assert vfs.files() == {}
        return
    (kept,) = vfs.files()
    assert kept == posixpath.normpath(kept)
    assert kept.startswith("/")
    assert not kept.startswith("//")
    assert ".." not in kept.split("/")
    assert vfs.normal(kept) == kept
    assert kept.encode().decode() == kept
