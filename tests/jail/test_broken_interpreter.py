"""Wall 1 is assumed broken: native code runs in the worker, or in its interpreter child. The jail alone must hold."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cellblock.errors import SandboxUnavailable
from cellblock.repl.guests import REQUIRED_LAYERS, GuestSpec
from cellblock.repl.zygote import Zygote

HERE = Path(__file__).parent
MEMORY = 64 * 2**20
REFUSED = {"start_program", "memory_that_grows_downwards"}
"""What the strict filter may answer with an error: how `subprocess` begins differs between Pythons, and libraries try that flag."""


def _driver() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hostile_driver", HERE / "hostile_driver.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DRIVER = _driver()


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Live canaries: a world-readable secret, a listening socket, this process."""
    folder = tmp_path_factory.mktemp("canary")
    for parent in (folder, *folder.parents[:3]):
        if os.stat(parent).st_uid == os.getuid() and str(parent).startswith("/tmp/pytest"):
            parent.chmod(0o755)
    secret = folder / "secret.txt"
    secret.write_text("the secret of the host")
    secret.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as server:
        os.environ["CELLBLOCK_TEST_SECRET"] = "the secret variable"
        yield {
            "secret_file": str(secret),
            "port": server.getsockname()[1],
            "host_pid": os.getpid(),
            "secret_variable": "CELLBLOCK_TEST_SECRET",
        }
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()  # nobody came
        del os.environ["CELLBLOCK_TEST_SECRET"]


def report_of(**options: Any) -> dict[str, str]:
    zygote = Zygote(GuestSpec(name="hostile", driver=HERE / "hostile_driver.py", package="cellblock", options=options))
    try:
        worker = zygote.spawn(MEMORY)
        worker.close()
        return worker.layers
    finally:
        zygote.close()


def test_every_layer_is_on_when_the_attacks_begin(targets: dict[str, Any]) -> None:
    report = report_of(**targets)
    assert {name: report[name] for name in REQUIRED_LAYERS} == dict.fromkeys(REQUIRED_LAYERS, "on")


def test_native_code_in_the_worker_gets_nothing(targets: dict[str, Any]) -> None:
    report = report_of(**targets)
    outcomes = {name: report[name] for name in DRIVER.ATTACKS}
    assert not {name: said for name, said in outcomes.items() if not said.startswith("refused")}


@pytest.mark.parametrize("name", sorted(DRIVER.FATAL))
def test_the_filter_kills_or_refuses_a_worker_that_tries(name: str, targets: dict[str, Any]) -> None:
    try:
        said = report_of(**targets, fatal=name)[name]
    except SandboxUnavailable as death:
        said = str(death)
    # An error number from any other would be the inherited filter's: the strict one was not there.
    assert "died" in said or (name in REFUSED and said.startswith("refused")), said


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here: the interpreter child's own attacks cannot be built")
def test_native_code_in_the_interpreter_child_gets_nothing(targets: dict[str, Any], tmp_path: Path) -> None:
    binary = tmp_path / "native"
    subprocess.run(["cc", "-O1", "-o", str(binary), str(HERE / "native.c")], check=True)
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    report = report_of(**targets, native=str(binary))
    outcomes = {name: said for name, said in report.items() if name.startswith("child_")}
    assert outcomes["child_end"] == "refused: reached"
    assert not {name: said for name, said in outcomes.items() if not said.startswith("refused")}


def test_the_attacks_succeed_without_a_jail(targets: dict[str, Any]) -> None:
    """The control: attempts that could never work would prove nothing."""
    refused = {name for name in ("read_secret_file", "read_environment", "signal_host") if "refused" in _try_here(name, targets)}
    assert refused == set()


def _try_here(name: str, targets: dict[str, Any]) -> str:
    try:
        return f"ESCAPED {DRIVER.ATTACKS[name](targets)}"
    except OSError as error:
        return f"refused: {error}"
