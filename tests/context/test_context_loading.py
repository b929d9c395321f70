"""What becomes of text, documents, files, folders, globs and standard input."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellblock.errors import ConfigError
from cellblock.host import loading
from cellblock.host.context import Context, Skipped
from near import NearContext


def text_of(context: Context) -> str:
    near = NearContext(context.fd)
    try:
        return near.whole.text()
    finally:
        near.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is also the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    os.close(ends[0])


def test_a_text_is_one_unnamed_document() -> None:
    with Context.from_text("añb") as context:
        assert (context.num_chars, context.num_documents, context.files, context.skipped) == (3, 1, (), ())


def test_a_dict_names_its_documents() -> None:
    with Context.coerce({"a.txt": "añ", "b.txt": ""}) as context:
        assert [(file.name, file.size_chars, file.size_bytes) for file in context.files] == [("a.txt", 2, 3), ("b.txt", 0, 0)]
        near = NearContext(context.fd)
        assert near.files() == [{"name": "a.txt", "size": 2}, {"name": "b.txt", "size": 0}]
        near.close()


def test_coerce_takes_what_a_caller_may_have(folder: Path) -> None:
    (folder / "a.txt").write_text("from a file")
    with Context.from_text("as it is") as context:
        assert Context.coerce(context) is context
    path = Path("a.txt")
    for source, expected in (("text", "text"), (["a", "b"], "a\n\n---\n\nb"), (path, "from a file"), ([path], "from a file")):
        with Context.coerce(source) as context:
            assert text_of(context) == expected


@pytest.mark.parametrize("source", ["", [], [""], ["", ""], {}, None, b"bytes", 5, ["a", 1], ["a", Path("b")], {1: "a"}, {"a": None}])
def test_what_is_no_context_is_refused_in_one_line(source: object) -> None:
    with pytest.raises(ConfigError) as refusal:
        Context.coerce(source)
    assert "\n" not in str(refusal.value)


def test_a_lone_surrogate_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"document 1: a lone surrogate at character 300,001"):
        Context.from_documents(["fine", "é" * 300_001 + "\ud800"])


def test_line_ends_stay_and_a_bom_goes(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    with Context.from_paths(["a.txt"]) as context:
        assert text_of(context) == "one\r\ntwo\rthree\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_a_bom_tells_wider_encodings(folder: Path, encoding: str) -> None:
    text = "añ漢😀\r\n" * 40_000
    bom = "" if encoding in ("utf-16", "utf-32") else "\ufeff"
    (folder / "a.txt").write_bytes((bom + text).encode(encoding))
    with Context.from_paths(["a.txt"]) as context:
        assert text_of(context) == text


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"text, then\0NUL", r"NUL byte at 10"),
        (b"x" * 300_000 + b"\0", r"NUL byte at 300,000"),
        (b"\xef\xbb\xbfab\0", r"NUL byte at 5"),
        (b"ok \xff", r"no valid UTF-8 at byte 3"),
        (b"x" * 300_000 + b"\xc3(", r"no valid UTF-8 at byte 300,000"),
        (b"cut \xe6\xbc", r"no valid UTF-8 at byte 4"),
        (b"x" * (2**18 - 1) + b"\xe6\xbc", r"no valid UTF-8 at byte 262,143"),
        (b"surrogate \xed\xa0\x80", r"no valid UTF-8 at byte 10"),
        (b"\xff\xfea\0b", r"no valid UTF-16 after"),
        (b"\xff\xfea\0\0\0", r"NUL character at 1"),
        (b"\xff\xfe\x00\xd8a\0", r"no valid UTF-16 after"),
    ],
)
def test_what_is_not_text_is_refused_where_named_and_skipped_where_found(folder: Path, data: bytes, why: str) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "data.bin").write_bytes(data)
    (folder / "in" / "z.txt").write_text("text")
    with pytest.raises(ConfigError, match=rf"^in/data\.bin: not text \({why}.*\)$"):
        Context.from_paths(["in/data.bin"])
    with Context.from_paths(["in"]) as context:
        assert text_of(context) == "text"
        assert [skipped.name for skipped in context.skipped] == ["in/data.bin"]


@pytest.mark.parametrize("size", [2**18 - 3, 2**18 - 2, 2**18 - 1, 2**18, 2**18 + 1])
def test_characters_across_the_pieces_of_a_file_survive(folder: Path, size: int) -> None:
    text = "x" * size + "😀漢é" * 3
    (folder / "a.txt").write_text(text)
    with Context.from_paths(["a.txt"]) as context:
        assert context.num_chars == len(text)
        assert text_of(context) == text


@pytest.mark.parametrize("first", ["plain " * 5_000, "nicht schlicht, ö " * 5_000])
def test_a_file_that_is_taken_back_leaves_no_trace(folder: Path, first: str) -> None:
    (folder / "a.txt").write_text(first)
    (folder / "b.bin").write_bytes("漢".encode() * 200_000 + b"\0")
    (folder / "c.txt").write_text("plain")
    with Context.from_paths(["."]) as context, Context.from_documents([first, "plain"], names=["./a.txt", "./c.txt"]) as same:
        assert context.sha256 == same.sha256
        assert context.size == same.size


def test_a_folder_is_read_in_order_of_names(folder: Path) -> None:
    for name in ("b.txt", "a/z.txt", "a/b/c.txt", "a.txt", "c/empty.txt", ".hidden", ".git/config"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("" if "empty" in name else name)
    with Context.from_paths([folder]) as context:
        names = [Path(file.name).relative_to(folder).as_posix() for file in context.files]
        assert names == [".hidden", "a/b/c.txt", "a/z.txt", "a.txt", "b.txt", "c/empty.txt"]
        assert context.skipped == (Skipped(f"{folder}/.git", "version control's own files"),)


def test_links_in_a_folder_are_not_followed(folder: Path) -> None:
    (folder / "secret.txt").write_text("secret")
    (folder / "in").mkdir()
    (folder / "in" / "a.txt").write_text("text")
    (folder / "in" / "out.txt").symlink_to(folder / "secret.txt")
    (folder / "in" / "loop").symlink_to(folder / "in")
    (folder / "in" / "nowhere").symlink_to("nothing")
    with Context.from_paths(["in"]) as context:
        assert text_of(context) == "text"
        assert context.skipped == tuple(Skipped(f"in/{name}", "a symbolic link") for name in ("loop", "nowhere", "out.txt"))


def test_a_named_link_is_followed(folder: Path) -> None:
    (folder / "a.txt").write_text("text")
    (folder / "link").symlink_to("a.txt")
    with Context.from_paths(["link"]) as context:
        assert context.files[0].name == "link"


def test_a_pipe_is_refused_without_waiting_for_a_writer(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "a.txt").write_text("text")
    with pytest.raises(ConfigError, match=r"^pipe: a pipe, not a file or folder; pipe it in and give '-'$"):
        Context.from_paths(["pipe"])
    with Context.from_paths(["."]) as context:
        assert context.skipped == (Skipped("./pipe", "a pipe"),)


def test_devices_and_sockets_are_refused(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        with pytest.raises(ConfigError, match=r"^s: a socket"):
            Context.from_paths(["s"])
    with pytest.raises(ConfigError, match=r"^/dev/zero: a device"):
        Context.from_paths(["/dev/zero"])


@pytest.mark.parametrize("path", ["missing.txt", "missing/*.txt", "[", "", 3, "a\0b"])
def test_a_path_that_leads_nowhere_is_refused_in_one_line(folder: Path, path: object) -> None:
    with pytest.raises(ConfigError) as refusal:
        Context.from_paths([path])  # type: ignore[list-item]
    assert "\n" not in str(refusal.value)


def test_an_unreadable_file_is_refused_with_its_name(folder: Path) -> None:
    (folder / "secret.txt").write_text("text")
    (folder / "secret.txt").chmod(0)
    folder.chmod(0o755)
    script = Path(__file__).with_name("load_as_nobody.py")
    done = subprocess.run([sys.executable, script, "secret.txt"], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "secret.txt: permission denied\n", done.stderr


def test_a_glob_takes_files_in_order_and_skips_what_is_not_text(folder: Path) -> None:
    for name in ("b/2.txt", "a/1.txt", "a/x.md", "top.txt", "a/bin.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("\0" if "bin" in name else name)
    (folder / "a" / "folder.txt").mkdir()
    (folder / "a" / "up").symlink_to("..")
    (folder / "b" / "up").symlink_to("..")
    with Context.from_paths(["**/*.txt"]) as context:
        assert [file.name for file in context.files] == ["a/1.txt", "b/2.txt", "top.txt"]
        assert context.skipped == (Skipped("a/bin.txt", "not text (NUL byte at 0)"),)
    with Context.from_paths([str(folder / "?" / "1.txt")]) as context:
        assert context.num_documents == 1


def test_a_glob_goes_through_no_link_among_the_folders_below_the_one_it_names(folder: Path) -> None:
    for name in ("outside/deep/secret.txt", "given/in/a.txt"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(name)
    (folder / "given" / "out").symlink_to("../outside/deep")
    (folder / "given" / "up").symlink_to("../outside")
    (folder / "alias").symlink_to("given")
    for pattern in ("given/*/*.txt", "given/*/deep/*.txt", "given/in*/../out/*.txt", "given/**/out/*.txt", "given/[o]ut/secret.txt"):
        with Context.from_paths(["given/in/a.txt", pattern]) as context:
            assert "secret" not in text_of(context)
            assert [skipped.why for skipped in context.skipped] == ["behind a symbolic link"]
    with Context.from_paths(["alias/*/a.txt"]) as context:
        assert context.num_documents == 1


def test_a_name_with_glob_characters_is_a_name_first(folder: Path) -> None:
    (folder / "a[1].txt").write_text("odd name")
    with Context.from_paths(["a[1].txt"]) as context:
        assert text_of(context) == "odd name"


def test_names_are_shown_on_one_line(folder: Path) -> None:
    Path(os.fsdecode(b"caf\xe9\n.txt")).write_text("text")
    with Context.from_paths(["."]) as context:
        assert context.files[0].name == r"./caf\udce9\n.txt"


def test_standard_input_is_read_to_its_end(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], "from stdin é".encode())
    os.close(pipe[1])
    with Context.from_paths(["-"], stdin=pipe[0]) as context:
        assert context.files[0].name == "stdin"
        assert text_of(context) == "from stdin é"


def test_endless_input_is_cut_off(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MAX_STDIN_BYTES", 2**20)
    with subprocess.Popen(["yes"], stdout=pipe[1]) as endless:
        os.close(pipe[1])
        try:
            with pytest.raises(ConfigError, match="larger than 1,048,576 bytes"):
                Context.from_paths(["-"], stdin=pipe[0])
        finally:
            endless.kill()


def test_too_much_is_refused(folder: Path) -> None:
    (folder / "a.txt").write_text("x" * 1_000)
    with pytest.raises(ConfigError, match="larger than 999 bytes"):
        Context.from_paths(["a.txt"], max_bytes=999)


def test_an_empty_folder_says_what_was_skipped(folder: Path) -> None:
    (folder / "data.bin").write_bytes(b"\0")
    with pytest.raises(ConfigError, match=r"^the context is empty; 1 file was skipped, such as \./data\.bin: not text \(NUL byte at 0\)$"):
        Context.from_paths(["."])


def test_folders_end_at_a_depth(folder: Path) -> None:
    deep = folder.joinpath(*["d"] * 70)
    deep.mkdir(parents=True)
    (folder / "a.txt").write_text("text")
    (deep / "b.txt").write_text("too deep")
    with Context.from_paths(["."]) as context:
        assert context.num_documents == 1
        assert [skipped.why for skipped in context.skipped] == ["more than 64 folders deep"]
