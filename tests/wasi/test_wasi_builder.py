"""The artefact, and what makes it: the real one, and broken ones."""

import re
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wasi_harness import ARTEFACT, SANDBOXES

from cellblock.repl import wasi_cache
from wasi.artefact import HOST, MAGIC, ArtefactError, Plan, Step, pack, parse_head, read_head, read_modules
from wasi.builder import make, module
from wasi.builder.component import ComponentError, Reader, read_component
from wasi.builder.link import Linker
from wasi.builder.shim import ANSWERS, HOST_FUNCTIONS, shim_imports, shim_text

PROJECT = tomllib.loads((SANDBOXES.parent / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def whole():
    return read_modules(ARTEFACT)


def test_the_artefact_is_what_the_sources_make():
    assert make.is_current(), "run: cellblock prepare wasi"


def test_the_guest_reaches_seven_functions_of_the_host_and_nothing_else(whole):
    head, _ = whole
    asked = {name for step in head.plan.steps for source, name in step.imports if source == HOST}
    assert asked == set(HOST_FUNCTIONS) and len(HOST_FUNCTIONS) == 7


def test_every_import_of_every_module_is_in_the_plan_and_comes_from_an_earlier_one(whole):
    head, modules = whole
    exported = [module.exports(body) for body in modules]
    for number, (step, body) in enumerate(zip(head.plan.steps, modules, strict=True)):
        assert len(step.imports) == len(module.imports(body))
        for source, name in step.imports:
            assert source == HOST or (source < number and name in exported[source])


def test_what_the_host_uses_is_exported(whole):
    head, modules = whole
    assert set(head.plan.exports) == {"run", "after_run", "realloc", "malloc", "free", "memory", "stack_pointer", "interrupt"}
    assert all(name in module.exports(modules[step]) for step, name in head.plan.exports.values())


def test_files_and_sockets_are_among_the_refused(whole):
    denied = "\n".join(whole[0].plan.denied)
    for word in ("descriptor.open-at", "descriptor.read", "descriptor.write", "tcp-socket.start-connect", "udp-socket.start-bind"):
        assert word in denied
    assert not [name for name in whole[0].plan.denied if "clocks" in name or "random#" in name]


def test_the_shim_answers_or_refuses_each_function():
    functions = {"wasi:cli/environment@0.2.0#get-arguments": (["i32"], []), "wasi:x/y@0.2.0#z": (["i32", "i64"], ["i32"])}
    text, denied = shim_text(functions)
    assert denied == ["wasi:x/y@0.2.0#z"]
    assert '(func (export "wasi:x/y@0.2.0#z") (param i32 i64) (result i32) (call $denied (i32.const 0)) unreachable)' in text
    assert shim_imports()[-2:] == ["memory", "cabi_realloc"] and len(ANSWERS) > 25


def test_the_versions_in_the_project_are_the_ones_that_are_used():
    needed = {re.split(r"[=><~]+", line)[0]: line for line in PROJECT["build-system"]["requires"]}
    assert needed["componentize-py"] == f"componentize-py=={make.COMPONENTIZE_PY}"
    assert needed["wasmtime"] in PROJECT["project"]["dependencies"]
    assert needed["componentize-py"] in PROJECT["dependency-groups"]["dev"]


def test_the_host_reads_the_same_name_of_the_artefact(whole):
    assert wasi_cache.artefact_hash() == whole[0].digest
    assert wasi_cache._MAGIC == MAGIC


def test_a_changed_source_makes_the_artefact_stale(tmp_path, monkeypatch):
    changed = tmp_path / "values.py"
    changed.write_text("changed")
    before = make.inputs_hash()
    monkeypatch.setattr(make, "WASI", SANDBOXES / "wasi")
    assert make.inputs_hash() == before
    monkeypatch.setattr(make, "COMPONENTIZE_PY", "0.0.0")
    assert make.inputs_hash() != before
    assert not make.is_current(ARTEFACT)


def test_another_componentize_py_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(make, "COMPONENTIZE_PY", "9.9.9")
    with pytest.raises(make.BuildError, match=r"9\.9\.9 is needed; install it with: pip install componentize-py==9\.9\.9"):
        make._tool()


# -- the container


def artefact(**changes):
    plan = Plan([Step(3, []), Step(2, [(0, "a"), (HOST, "wall")])], {"run": (1, "run")}, ["x"], "inputs", "")
    return pack(plan, [b"abc", b"de"])


def test_an_artefact_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(artefact())
    head, modules = read_modules(path)
    assert modules == [b"abc", b"de"]
    assert head.plan.steps[1].imports == [(0, "a"), (HOST, "wall")]
    assert head.digest != parse_head(pack(head.plan, [b"abd", b"de"])).digest


@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: d + b"x", lambda d: d[:-1] + b"x"])
def test_damaged_modules_are_noticed(tmp_path, change):
    path = tmp_path / "a.bin"
    path.write_bytes(change(artefact()))
    with pytest.raises(ArtefactError, match="damaged"):
        read_modules(path)


@pytest.mark.parametrize(
    "head",
    [b"", b"x" * 100, MAGIC, MAGIC + struct.pack("<I", 2**31) + b"{}", MAGIC + struct.pack("<I", 2) + b"[]",
     MAGIC + struct.pack("<I", 2) + b"{}",
     artefact().replace(b'"imports":[[0,', b'"imports":[[5,'), artefact().replace(b'"run":[1,', b'"run":[9,'),
     MAGIC + struct.pack("<I", 40_000) + b"[" * 40_000],
)  # fmt: skip
def test_a_head_that_is_none_is_refused(head):
    with pytest.raises(ArtefactError):
        parse_head(head)


def test_a_missing_artefact_names_the_step(tmp_path):
    with pytest.raises(ArtefactError, match="is not there; it is built with the package"):
        read_head(tmp_path / "none.bin")


# -- the component


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_component_reader(data):
    try:
        component = read_component(b"\0asm\x0d\0\1\0" + data)
        Linker(component)
    except (ComponentError, IndexError, KeyError):  # what `make` takes for "not a component that we know"
        pass


def test_a_core_module_is_no_component():
    with pytest.raises(ComponentError, match="not a WebAssembly component"):
        read_component(b"\0asm\1\0\0\0")


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff\xff\xff\xff\xff\x01"])
def test_a_number_is_bounded(data):
    with pytest.raises(ComponentError):
        Reader(data).number()


def test_nothing_of_the_builder_is_imported_by_the_host():
    imports = "import sys, cellblock.cli.entry, cellblock.repl.wasi_cache"
    code = f"{imports}; print([m for m in sys.modules if 'wasmtime' in m or m.startswith('wasi.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    assert Path(ARTEFACT).is_file()
