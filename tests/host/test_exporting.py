"""Exports into real folders, hostile ones among them."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cellblock.errors import ConfigError, StoreError
from cellblock.host.exporting import export

FILES = {"/artifacts/a.txt": b"one", "/artifacts/deep/b.bin": b"\x00\xff", "/c": b""}


def content(folder: Path) -> dict[str, bytes]:
    return {f"/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_written_below_a_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "x" / "out"
    assert export(FILES, folder) == [folder / "artifacts/a.txt", folder / "artifacts/deep/b.bin", folder / "c"]
    assert content(folder) == FILES
    assert sorted(os.listdir(folder)) == ["artifacts", "c"]


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    paths = export(FILES, folder)
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "artifacts", folder / "artifacts/deep")} == {0o700}


def test_nothing_is_something_too(tmp_path: Path) -> None:
    assert export({}, tmp_path / "out") == []
    assert (tmp_path / "out").is_dir()


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        export(FILES, tmp_path)
    assert content(tmp_path) == {"/.hidden": b"mine"}


def test_overwrite_replaces_files_and_keeps_the_others(tmp_path: Path) -> None:
    export(FILES, tmp_path)
    (tmp_path / "other").write_bytes(b"mine")
    export({"/c": b"new", "/d/e": b"more"}, tmp_path, overwrite=True)
    assert content(tmp_path) == {**FILES, "/c": b"new", "/d/e": b"more", "/other": b"mine"}


def test_a_file_or_a_link_is_no_folder_to_export_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name, why in (("file", "it is a file"), ("file/below", "it is in a file"), ("link", "a link"), ("a\0b", "NUL")):
        with pytest.raises(ConfigError, match=why):
            export(FILES, tmp_path / name, overwrite=True)
    assert content(tmp_path) == {"/file": b"mine"}


@pytest.mark.parametrize(
    "path", ["../x", "/../x", "/a/../../x", "/a//b", "x", "/", "", "/a/", "/./a", "/a\0b", "/\ud800", "/a\\b", "/" + "\u8a08" * 90]
)
def test_what_is_no_virtual_path_is_not_written(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError):
        export({"/fine": b"", path: b"x"}, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_another_ones_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'/a' is given as a file"):
        export({"/a": b"", "/a/b/c": b""}, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def _link(place: Path, victim: Path) -> None:
    place.symlink_to(victim)


def _link_to_nothing(place: Path, victim: Path) -> None:
    place.symlink_to(victim / "not there")


def _fifo(place: Path, victim: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize("name", ["artifacts", "artifacts/deep", "artifacts/a.txt", "c"])
@pytest.mark.parametrize("put", [_link, _link_to_nothing, _fifo])
def test_what_is_in_the_way_is_named_and_nothing_is_written(tmp_path: Path, put: object, name: str) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "out"
    victim.mkdir()
    (folder / name).parent.mkdir(parents=True)
    put(folder / name, victim)  # type: ignore[operator]
    before = sorted(folder.rglob("*"))
    with pytest.raises(StoreError, match="is in the way"):
        export(FILES, folder, overwrite=True)
    assert sorted(folder.rglob("*")) == before
    assert list(victim.iterdir()) == []


def test_a_link_to_etc_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "artifacts").symlink_to("/etc")
    with pytest.raises(StoreError, match="symbolic link"):
        export({"/artifacts/cellblock-was-here": b""}, tmp_path, overwrite=True)
    assert not Path("/etc/cellblock-was-here").exists()


def test_a_folder_in_a_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    with pytest.raises(StoreError, match="a folder is in the way"):
        export(FILES, tmp_path, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["c"]


def test_what_a_hard_link_leads_to_is_not_written_to(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "out"
    victim.write_bytes(b"mine")
    folder.mkdir()
    os.link(victim, folder / "c")
    export({"/c": b"new"}, folder, overwrite=True)
    assert (victim.read_bytes(), (folder / "c").read_bytes()) == (b"mine", b"new")


def test_a_folder_that_is_swapped_for_a_link_meanwhile_leads_nowhere(tmp_path: Path) -> None:
    victim, folder, aside = tmp_path / "victim", tmp_path / "out", tmp_path / "aside"
    for made in (victim, folder, aside):
        made.mkdir()
    done = threading.Event()

    def swap() -> None:
        place = folder / "artifacts"
        for number in itertools.count():
            if done.is_set():
                return
            with contextlib.suppress(OSError):
                place.rename(aside / str(number))
            with contextlib.suppress(OSError):
                place.symlink_to(victim)
                place.unlink()

    swapper = threading.Thread(target=swap)
    swapper.start()
    refused = 0
    try:
        for number in range(300):
            try:
                export({f"/artifacts/{number}": b"x", f"/artifacts/deep/{number}": b"x"}, folder, overwrite=True)
            except StoreError:
                refused += 1
    finally:
        done.set()
        swapper.join()
    assert list(victim.iterdir()) == []
    assert refused > 0
    assert not [name for name in os.listdir(folder) if name.startswith(".cellblock")]


_FULL = """
import sys
from pathlib import Path
from cellblock.errors import StoreError
from cellblock.host.exporting import export
disk = Path(sys.argv[1])
(disk / "kept").mkdir()
(disk / "kept" / "a").write_bytes(b"old")
for folder, overwrite in ((disk / "new", False), (disk / "kept", True)):
    try:
        export({"/a": b"new", "/b/c": bytes(10**6)}, folder, overwrite=overwrite)
    except StoreError as error:
        print(error)
print(sorted(str(path.relative_to(disk)) for path in disk.rglob("*")), (disk / "kept" / "a").read_bytes())
"""


def small_disk(place: Path, options: str, code: str) -> list[str]:
    """What a program prints whose argument is a disk with these limits."""
    mount = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o {options} none "$0" && exec "$@"', str(place)]
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    return subprocess.run([*mount, sys.executable, "-c", code, str(place)], capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_full_disk_leaves_nothing_and_replaces_nothing(tmp_path: Path) -> None:
    *refused, left = small_disk(tmp_path, "size=200k", _FULL)
    assert len(refused) == 2
    assert all("'/b/c' cannot be written" in line and "the disk is full" in line for line in refused)
    assert left == "['kept', 'kept/a'] b'old'"


_NO_FOLDERS = """
import sys
from pathlib import Path
from cellblock.errors import StoreError
from cellblock.host.exporting import export
disk = Path(sys.argv[1])
(disk / "kept").mkdir()
(disk / "kept" / "a").write_bytes(b"old")
for folder, overwrite in ((disk / "new", False), (disk / "kept", True)):
    try:
        export({"/a": b"new", "/b/c/d/e/f/g/h": b""}, folder, overwrite=overwrite)
    except StoreError as error:
        print(error)
    print(sorted(str(path.relative_to(disk)) for path in disk.rglob("*")), (disk / "kept" / "a").read_bytes())
"""


def test_what_was_moved_already_is_taken_back_or_named(tmp_path: Path) -> None:
    first, left, second, replaced = small_disk(tmp_path, "nr_inodes=9", _NO_FOLDERS)
    assert "the disk is full" in first
    assert left == "['kept', 'kept/a'] b'old'"
    assert "the disk is full; replaced already: '/a'" in second
    assert replaced == "['kept', 'kept/a'] b'new'"


_FOLDING = """
import sys
from pathlib import Path
from cellblock.errors import StoreError
from cellblock.host.exporting import export
for overwrite in (False, True):
    try:
        export({"/Report.txt": b"1", "/report.txt": b"2"}, Path(sys.argv[1]) / "out", overwrite=overwrite)
    except StoreError as error:
        print(error)
"""


def test_names_that_are_one_to_the_file_system_are_named(tmp_path: Path) -> None:
    image, disk = tmp_path / "image", tmp_path / "disk"
    disk.mkdir()
    image.write_bytes(bytes(2 * 2**20))
    made = subprocess.run(["mkfs.vfat", str(image)], capture_output=True, check=False) if _has("mkfs.vfat") else None
    mount = ["unshare", "-m", "sh", "-c", 'mount -o loop "$0" "$1" && shift && exec "$@"', str(image), str(disk)]
    if made is None or made.returncode or subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system that folds names can be mounted here")
    ran = subprocess.run([*mount, sys.executable, "-c", _FOLDING, str(disk)], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["'/Report.txt' and '/report.txt' are one name to this file system; rename one of them"] * 2


def _has(command: str) -> bool:
    return any((Path(folder) / command).exists() for folder in (*os.get_exec_path(), "/sbin", "/usr/sbin"))
