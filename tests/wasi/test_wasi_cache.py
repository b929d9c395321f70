"""The compile cache: only what this user wrote, whole and unchanged, is ever mapped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from wasi_harness import ARTEFACT, CACHE, SANDBOXES

from wasi.artefact import read_head
from wasi.cache import Cache, CacheError
from wasi.compile import load_modules, prepared
from wasi.engine import cache_key, make_engine

KEY = "k" * 32
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def cache(tmp_path):
    cache = Cache(tmp_path / "cellblock" / "wasi")
    cache.store(KEY, [b"first", b"second"])
    return cache


def contents(cache, count=2):
    found = []
    for descriptor in cache.open_files(KEY, count):
        with os.fdopen(descriptor, "rb") as file:
            file.seek(0)
            found.append(file.read())
    return found


def refusal(cache, count=2):
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(CacheError) as raised:
        cache.open_files(KEY, count)
    assert set(os.listdir("/proc/self/fd")) == before
    assert "run: cellblock prepare wasi" in str(raised.value)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def file_of(cache, text):
    return next(path for path in cache.folder.glob("*.code") if path.read_bytes() == text)


def test_what_was_stored_is_found_again_in_order(cache):
    assert contents(cache) == [b"first", b"second"]
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in cache.folder.iterdir()} == {0o600}


def test_nothing_there_says_what_to_run(tmp_path, cache):
    assert refusal(Cache(tmp_path / "none")) == "no compiled guest; run: cellblock prepare wasi"
    (cache.folder / f"{KEY}.json").unlink()
    assert refusal(cache) == "no compiled guest; run: cellblock prepare wasi"


@as_root
@as_root
def test_a_parent_that_is_another_users_link_is_refused(cache, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "cellblock")
    contents(Cache(link / "wasi"))
    os.chown(link, 1234, 1234, follow_symlinks=False)
    with pytest.raises(CacheError, match="another user's link"):
        contents(Cache(link / "wasi"))


def test_a_parent_where_anybody_may_rename_is_refused(cache, tmp_path):
    (tmp_path / "cellblock").chmod(0o777)
    with pytest.raises(CacheError, match="can be written by anybody"):
        contents(cache)
    (tmp_path / "cellblock").chmod(0o1777)
    contents(cache)


@pytest.mark.parametrize("which", ["folder", "manifest", "code"])
def test_what_belongs_to_another_user_is_refused(cache, which):
    path = {"folder": cache.folder, "manifest": cache.folder / f"{KEY}.json", "code": file_of(cache, b"second")}[which]
    os.chown(path, NOBODY, NOBODY)
    assert f"belongs to another user (uid {NOBODY})" in refusal(cache)


@pytest.mark.parametrize("which", ["folder", "manifest", "code"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_others_can_write_is_refused(cache, which, mode):
    path = {"folder": cache.folder, "manifest": cache.folder / f"{KEY}.json", "code": file_of(cache, b"second")}[which]
    path.chmod(path.stat().st_mode | mode)
    assert "can be written by others" in refusal(cache)


def test_a_link_is_refused(cache, tmp_path):
    code = file_of(cache, b"first")
    code.rename(tmp_path / "elsewhere")
    code.symlink_to(tmp_path / "elsewhere")
    assert "cannot be opened as a file" in refusal(cache)


def test_a_linked_folder_is_refused(cache, tmp_path):
    cache.folder.rename(tmp_path / "elsewhere")
    cache.folder.symlink_to(tmp_path / "elsewhere")
    assert "is not a folder" in refusal(cache)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_refused_at_once(cache, make):
    code = file_of(cache, b"first")
    code.unlink()
    make(code)
    assert "is no file of ours" in refusal(cache)


@pytest.mark.parametrize("damaged", [b"", b"firsT", b"first and more"])
def test_a_damaged_file_is_noticed_before_it_is_mapped(cache, damaged):
    file_of(cache, b"first").write_bytes(damaged)
    assert "is damaged" in refusal(cache)


@pytest.mark.parametrize(
    "manifest",
    ["", "{", "[]", "[1, 2]", '[{"sha256": "../../etc/passwd", "size": 1}, {}]', '[{"sha256": 5, "size": 1}, {}]', "[" * 50_000, "null"],
)
def test_a_damaged_manifest_is_noticed(cache, manifest):
    (cache.folder / f"{KEY}.json").write_text(manifest)
    refusal(cache)


def test_storing_again_repairs_what_was_damaged(cache):
    file_of(cache, b"first").write_bytes(b"x")
    cache.store(KEY, [b"first", b"second"])
    assert contents(cache) == [b"first", b"second"]


def test_files_of_another_artefact_are_not_taken(cache):
    assert "another artefact's" in refusal(cache, count=3)


def test_the_key_changes_with_the_artefact_and_the_settings(monkeypatch):
    from wasi import engine

    keys = {cache_key("a"), cache_key("b")}
    monkeypatch.setitem(engine.SETTINGS, "max_wasm_stack", 1)
    keys.add(cache_key("a"))
    monkeypatch.setattr(engine, "version", lambda name: "0")
    keys.add(cache_key("a"))
    assert len(keys) == 4


def test_code_that_the_engine_does_not_know_counts_as_not_prepared(tmp_path):
    cache = Cache(tmp_path / "wasi")
    head = read_head(ARTEFACT)
    cache.store(cache_key(head.digest), [b"\x7fELF no code"] * len(head.plan.steps))
    assert not prepared(make_engine(), ARTEFACT, cache)


def test_prepared_code_is_mapped_and_our_descriptors_closed():
    head = read_head(ARTEFACT)
    descriptors = Cache(CACHE).open_files(cache_key(head.digest), len(head.plan.steps))
    modules = load_modules(make_engine(), descriptors)
    assert len(modules) == len(head.plan.steps)
    del modules
    for descriptor in descriptors:
        with pytest.raises(OSError):
            os.fstat(descriptor)


# -- the driver and the command


def warm(cache, artefact=ARTEFACT):
    options = {"artefact": str(artefact), "cache": str(cache)}
    code = f"import sys; sys.path.insert(0, {str(SANDBOXES / 'wasi')!r}); import driver; driver.warm({options!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_the_driver_says_in_one_line_what_is_missing(tmp_path):
    done = warm(tmp_path / "none")
    assert (done.returncode, done.stderr) == (1, "no compiled guest; run: cellblock prepare wasi\n")
    done = warm(tmp_path, artefact=tmp_path / "guest.bin")
    assert done.returncode == 1 and "it is built with the package" in done.stderr and done.stderr.count("\n") == 1


def test_the_driver_refuses_code_that_the_engine_does_not_know(tmp_path):
    cache = Cache(tmp_path / "wasi")
    head = read_head(ARTEFACT)
    cache.store(cache_key(head.digest), [b"\x7fELF no code"] * len(head.plan.steps))
    assert warm(cache.folder).stderr == "the compiled guest cannot be loaded here; run: cellblock prepare wasi\n"


def cellblock(*words, cache):
    environment = os.environ | {"CELLBLOCK_CACHE": str(cache)}
    command = [sys.executable, "-m", "cellblock", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, env=environment)


def test_prepare_says_that_it_was_done_already():
    done = cellblock("prepare", "wasi", cache=CACHE.parent)
    assert done.returncode == 0
    assert done.stdout == f"wasi: was compiled already, in {CACHE}\n"
    listed = json.loads(cellblock("prepare", "--json", cache=CACHE.parent).stdout)
    assert listed["sandbox"] == "wasi" and listed["compiled"] is False and listed["folder"] == str(CACHE)


@pytest.mark.parametrize(
    ("words", "message"),
    [(["prepare", "monty"], "sandbox 'monty' needs no preparation"), (["prepare", "nope"], "no sandbox named 'nope'")],
)
def test_prepare_of_another_sandbox_says_so(tmp_path, words, message):
    done = cellblock(*words, cache=tmp_path)
    assert done.returncode == 2 and message in done.stderr


def test_prepare_refuses_a_cache_that_is_not_ours(tmp_path):
    folder = tmp_path / "wasi"
    folder.mkdir()
    folder.chmod(0o777)
    done = cellblock("prepare", "wasi", cache=tmp_path)
    assert done.returncode == 2 and "can be written by others" in done.stderr


def test_prepare_where_nothing_can_be_written_says_where(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = cellblock("prepare", "wasi", cache=blocked / "cache")
    assert done.returncode == 2 and str(blocked) in done.stderr and "Traceback" not in done.stderr


def test_the_cache_lies_where_the_user_says(monkeypatch, tmp_path):
    from cellblock.repl.wasi_cache import cache_folder

    assert cache_folder() == CACHE
    monkeypatch.delenv("CELLBLOCK_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "cellblock" / "wasi"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "cellblock" / "wasi"


def test_the_zygote_is_alone_once_it_is_warm():
    # With another thread, even one that is only ending, an ordinary user's process may not make a user namespace.
    options = {"artefact": str(ARTEFACT), "cache": str(CACHE)}
    code = f"import os, sys; sys.path.insert(0, {str(SANDBOXES / 'wasi')!r}); import driver; driver.warm({options!r})"
    code += "; print(os.listdir('/proc/self/task'))"
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.count("'") == 2
