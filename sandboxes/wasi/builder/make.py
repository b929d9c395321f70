"""Makes the artefact: `python -m wasi.builder.make [FILE]` in `sandboxes/`. Needs `componentize-py` and `wasmtime`, and no network."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from ..artefact import ArtefactError, pack, read_head
from .component import ComponentError, read_component
from .link import Linker

WASI = Path(__file__).resolve().parent.parent
ARTEFACT = WASI / "guest.bin"
COMPONENTIZE_PY = "0.25.1"
"""The one version that is used; `pyproject.toml` names it too."""
BUILD_SECONDS = 300
_SHARED = (WASI.parent / "names.py", WASI.parent / "virtual_files.py", WASI / "values.py", WASI / "__init__.py")


_RUN = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from componentize_py import script
sys.argv[0] = "componentize-py"
sys.exit(script())
"""
"""Not the installed command: where pip builds, that finds its own package by an environment variable alone, and gets none from us."""


class BuildError(Exception):
    """The artefact could not be made; the message says what to do."""


def inputs_hash() -> str:
    """The hash of everything that an artefact is made from."""
    found = hashlib.sha256(f"componentize-py {COMPONENTIZE_PY}".encode())
    folders = (WASI / "builder", WASI / "guest", WASI / "wit")
    files = sorted(path for folder in folders for path in folder.iterdir() if path.suffix in (".py", ".wit"))
    for path in (*files, *_SHARED, WASI / "artefact.py"):
        found.update(f"\0{path.relative_to(WASI.parent)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def is_current(path: Path = ARTEFACT) -> bool:
    """Whether the artefact is there and made from what lies here now."""
    try:
        return read_head(path).plan.inputs == inputs_hash()
    except ArtefactError:
        return False


def make(path: Path = ARTEFACT, say: Callable[[str], None] = lambda text: None) -> None:
    """Build the artefact, whether or not it is there.

    Raises:
        BuildError: a tool is missing or failed.
    """
    try:
        from wasmtime import wat2wasm
    except ImportError:
        raise BuildError("wasmtime is not installed") from None
    with tempfile.TemporaryDirectory(prefix="cellblock-wasi-") as folder:
        say("pre-initialising CPython (componentize-py)")
        component = _componentize(Path(folder))
        say(f"linking {len(component) / 2**20:.0f} MiB")
        try:
            plan, modules = Linker(read_component(component)).plan(lambda text: bytes(wat2wasm(text)), inputs_hash())
        except (ComponentError, KeyError, IndexError) as error:
            raise BuildError(f"componentize-py made a component that this linker does not know: {error!r}") from error
    # Next to its place and then moved: whoever reads it meanwhile sees the old one or the new one.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(pack(plan, modules))
    partial.replace(path)


def _componentize(folder: Path) -> bytes:
    # An empty environment, or the site-packages of whoever builds would be found and built in.
    environment, sources, output = folder / "venv", folder / "sources", folder / "guest.wasm"
    (environment / "lib" / "python3" / "site-packages").mkdir(parents=True)
    shutil.copytree(WASI / "guest", sources / "wasi" / "guest", ignore=shutil.ignore_patterns("__pycache__"))
    for path in _SHARED:
        shutil.copy(path, sources / path.relative_to(WASI.parent))
    (sources / "wasi" / "guest" / "app.py").rename(sources / "app.py")
    command = [*_tool(), "-q", "-d", str(WASI / "wit"), "-w", "repl", "componentize", "--stub-wasi", "-p", str(sources), "app"]
    try:
        done = subprocess.run(
            [*command, "-o", str(output)],
            cwd=folder,
            env={"VIRTUAL_ENV": str(environment), "PATH": "", "HOME": str(folder)},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"componentize-py did not end within {BUILD_SECONDS} seconds") from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise BuildError(f"componentize-py failed: {lines[-1][:500]}\n" + "\n".join(lines[-30:]))
    return output.read_bytes()


def _tool() -> list[str]:
    install = f"install it with: pip install componentize-py=={COMPONENTIZE_PY}"
    try:
        found = version("componentize-py")
    except PackageNotFoundError:
        raise BuildError(f"componentize-py is not installed; {install}") from None
    if found != COMPONENTIZE_PY:
        raise BuildError(f"componentize-py {found} is installed, and {COMPONENTIZE_PY} is needed; {install}")
    home = find_spec("componentize_py")
    if home is None or home.origin is None:
        raise BuildError(f"componentize-py cannot be imported; {install}")
    return [sys.executable, "-I", "-c", _RUN, str(Path(home.origin).parent.parent)]


def main() -> int:
    """Build, unless there is nothing to do."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ARTEFACT
    if is_current(path):
        return 0
    try:
        make(path, lambda text: print(text, flush=True))  # noqa: T201 - the command's output
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
