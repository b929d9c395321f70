"""Virtual files: what stands where, who may change it, and how much fits."""

from __future__ import annotations

import pickle

import pytest

from cellblock.errors import ConfigError
from cellblock.host.vfs import QuotaExceeded, Vfs, VfsLimits

FOLDERS = ["artifacts", "evidence", "plans", "scores"]


def filled(**files: bytes) -> Vfs:
    vfs = Vfs()
    for name, data in files.items():
        vfs.write(f"/artifacts/{name}", data)
    return vfs


def test_a_file_is_read_as_it_was_written() -> None:
    vfs = filled(a=b"one\x00\xff")
    assert vfs.read("/artifacts/a") == b"one\x00\xff"


def test_the_four_folders_are_there_and_empty() -> None:
    vfs = Vfs()
    assert vfs.folder("/") == FOLDERS
    assert [vfs.is_dir(f"/{name}") for name in FOLDERS] == [True] * 4
    assert vfs.list() == vfs.list("/plans") == vfs.folder("/plans") == []


def test_a_folder_is_there_as_long_as_a_file_is_in_it() -> None:
    vfs = Vfs()
    vfs.write("/x/y/z.txt", b"")
    assert vfs.is_dir("/x/y")
    assert vfs.folder("/") == [*FOLDERS, "x"]
    assert vfs.folder("/x") == ["y"]
    vfs.delete("/x/y/z.txt")
    assert not vfs.exists("/x")
    assert vfs.folder("/") == FOLDERS


@pytest.mark.parametrize("spelling", ["a/b.txt", "//a///b.txt", "/a/./b.txt", "./a/b.txt/", "/a/b.txt/."])
def test_one_file_has_many_spellings(spelling: str) -> None:
    vfs = Vfs()
    vfs.write(spelling, b"1")
    assert list(vfs.files()) == ["/a/b.txt"]
    assert vfs.list(spelling) == ["/a/b.txt"]


@pytest.mark.parametrize("spelling", ["", ".", "/", "//", "./."])
def test_the_root_is_a_folder_in_any_spelling(spelling: str) -> None:
    vfs = filled(a=b"")
    assert vfs.is_dir(spelling)
    assert vfs.list(spelling) == ["/artifacts/a"]
    with pytest.raises(IsADirectoryError, match="is a folder"):
        vfs.write(spelling, b"")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/a/../b", r"'\.\.' cannot stand"),
        ("..", r"'\.\.' cannot stand"),
        ("/a/..", r"'\.\.' cannot stand"),
        ("a\\..\\b", "backslash"),
        ("/a\0b", "control character"),
        ("/a\nb", "control character"),
        ("/a\x1b[2Jb", "control character"),
        ("/a\x85b", "control character"),
        ("/\ud800", "half a character"),
        ("/a\u2028b", "line end"),
        ("/a\u202eb", "invisible"),
        ("/" + "a" * 101, "101 characters"),
        ("/a" * 101, "202 characters"),
        ("a" * 100 + "/" + "b" * 99, "at most 200"),
        pytest.param("/" + "a" * 1_000_000, "1,000,001 characters", id="huge"),
    ],
)
def test_a_path_that_is_none_is_refused_by_every_method(path: str, why: str) -> None:
    vfs = filled(a=b"1")
    looks = (vfs.read, vfs.delete, vfs.exists, vfs.is_dir, vfs.list, vfs.folder)
    for look in looks:
        with pytest.raises(ValueError, match=why) as caught:
            look(path)
        assert len(str(caught.value)) < 400
    for change in (vfs.write, vfs.append):
        with pytest.raises(ValueError, match=why):
            change(path, b"")
    assert vfs.files() == {"/artifacts/a": b"1"}


@pytest.mark.parametrize("path", [None, 7, b"/a", ["/a"], type("Sneaky", (str,), {})("/a")])
def test_a_path_is_a_str_and_nothing_like_one(path: object) -> None:
    with pytest.raises(TypeError, match="a path is a str"):
        Vfs().write(path, b"")  # type: ignore[arg-type]


@pytest.mark.parametrize("data", ["text", bytearray(b"x"), memoryview(b"x"), None])
def test_a_file_holds_bytes_alone(data: object) -> None:
    vfs = Vfs()
    for change in (vfs.write, vfs.append):
        with pytest.raises(TypeError, match="holds bytes"):
            change("/a", data)
    assert vfs.files() == {}


def test_text_in_other_scripts_can_stand_in_a_path() -> None:
    vfs = Vfs()
    vfs.write("/plans/\u00fcbersicht \u8a08\u753b.txt", b"")
    assert vfs.folder("/plans") == ["\u00fcbersicht \u8a08\u753b.txt"]


def test_a_file_is_no_folder_and_a_folder_no_file() -> None:
    vfs = filled(a=b"1")
    for refused in (vfs.read, vfs.delete):
        with pytest.raises(IsADirectoryError, match="'/artifacts' is a folder"):
            refused("/artifacts")
        with pytest.raises(NotADirectoryError, match="'/artifacts/a' is a file"):
            refused("/artifacts/a/b")
        with pytest.raises(FileNotFoundError, match="no file '/artifacts/b'"):
            refused("/artifacts/b")
    with pytest.raises(IsADirectoryError):
        vfs.write("/scores", b"")
    with pytest.raises(NotADirectoryError):
        vfs.append("/artifacts/a/b/c", b"")
    with pytest.raises(NotADirectoryError):
        vfs.folder("/artifacts/a")
    with pytest.raises(FileNotFoundError):
        vfs.list("/nowhere")


def test_what_is_appended_follows() -> None:
    vfs = Vfs()
    vfs.append("/log", b"a")
    vfs.append("/log", b"b")
    assert (vfs.read("/log"), vfs.total_bytes, vfs.sizes()) == (b"ab", 2, {"/log": 2})


def test_each_quota_refuses_and_says_which_it_is() -> None:
    vfs = Vfs(VfsLimits(total_bytes=10, file_bytes=6, files=2))
    vfs.write("/a", b"123456")
    for limit, path, data in (("file_bytes", "/a", b"1234567"), ("total_bytes", "/b", b"12345")):
        with pytest.raises(QuotaExceeded, match=rf"vfs {limit}=\d+ exceeded.*delete") as caught:
            vfs.write(path, data)
        assert caught.value.limit == limit
    with pytest.raises(QuotaExceeded, match="file_bytes"):
        vfs.append("/a", b"7")
    vfs.write("/b", b"")
    with pytest.raises(QuotaExceeded, match="files=2 exceeded: 3"):
        vfs.append("/c", b"")
    assert vfs.files() == {"/a": b"123456", "/b": b""}


def test_what_is_deleted_or_replaced_makes_room() -> None:
    vfs = Vfs(VfsLimits(total_bytes=4, files=1))
    vfs.write("/a", b"1234")
    vfs.write("/a", b"12")
    vfs.append("/a", b"34")
    vfs.delete("/a")
    vfs.write("/b", b"1234")
    assert vfs.total_bytes == 4


def test_a_quota_error_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(QuotaExceeded("files", allowed=1, used=2)))
    assert (again.limit, again.allowed, again.used, str(again)) == ("files", 1, 2, str(QuotaExceeded("files", allowed=1, used=2)))


@pytest.mark.parametrize("wrong", [{"files": 0}, {"total_bytes": None}, {"path_chars": 1.5}, {"file_bytes": float("inf")}])
def test_no_quota_can_be_switched_off(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        VfsLimits(**wrong)  # type: ignore[arg-type]


def test_a_child_reads_its_parents_files_as_they_were_and_changes_none() -> None:
    parent = filled(a=b"1")
    child = Vfs(base=parent)
    parent.write("/artifacts/a", b"2")
    parent.write("/artifacts/b", b"2")
    assert child.read("/artifacts/a") == b"1"
    assert not child.exists("/artifacts/b")
    for refused in (
        lambda: child.write("/artifacts/a", b""),
        lambda: child.append("/artifacts/a", b""),
        lambda: child.delete("/artifacts/a"),
    ):
        with pytest.raises(PermissionError, match="parent run's"):
            refused()
    child.write("/artifacts/c", b"3")
    assert child.list() == ["/artifacts/a", "/artifacts/c"]
    assert (child.files(), child.total_bytes) == ({"/artifacts/c": b"3"}, 1)
    assert parent.list() == ["/artifacts/a", "/artifacts/b"]


def test_a_grandchild_sees_all_above_it() -> None:
    child = Vfs(base=filled(a=b"1"))
    child.write("/b", b"2")
    grandchild = Vfs(base=child)
    assert grandchild.sizes() == {"/artifacts/a": 1, "/b": 1}
    with pytest.raises(PermissionError):
        grandchild.delete("/b")


def test_a_copy_is_independent_and_a_diff_says_how_far() -> None:
    one = filled(a=b"1", b=b"2", c=b"3")
    other = one.copy()
    other.delete("/artifacts/a")
    other.append("/artifacts/b", b"!")
    other.write("/artifacts/d", b"4")
    other.write("/artifacts/c", b"3")
    assert one.diff(other) == {"/artifacts/a": "removed", "/artifacts/b": "changed", "/artifacts/d": "added"}
    assert one.total_bytes == 3
    assert one.list() == ["/artifacts/a", "/artifacts/b", "/artifacts/c"]


def test_what_files_gives_is_the_callers_own() -> None:
    vfs = filled(a=b"1")
    vfs.files().clear()
    assert vfs.list() == ["/artifacts/a"]
