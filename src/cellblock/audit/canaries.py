"""What must not be reached, each of it live: a file, a variable, a memory, a port, a file that must not appear, a function."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import tempfile
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

KNOCK_SECONDS = 2.0
"""For which whoever knocked before is waited for."""
_BETWEEN = re.compile(r"(?:\\x00|[^0-9a-z])+")


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """Where the canaries are: what the throw-away process is told, and what an attempt finds in place of `@FILE@` and the like."""

    file: str
    """A readable file whose content is a secret."""
    folder: str
    """The folder that it is in."""
    variable: str
    """An environment variable whose value is a secret."""
    port: int
    """Of 127.0.0.1."""
    touch: str
    """A file that is not there."""
    in_file: str
    in_variable: str
    in_memory: str

    @property
    def secrets(self) -> dict[str, str]:
        """What each is called, and the text that gives it away."""
        return {"the secret file": self.in_file, "the secret variable": self.in_variable, "the host's memory": self.in_memory}

    def placeholders(self, external: str) -> list[tuple[str, str]]:
        """What stands in an attempt, and for what."""
        return [
            ("@FILE@", self.file),
            ("@SECDIR@", self.folder),
            ("@ENV@", self.variable),
            ("@PORT@", str(self.port)),
            ("@TOUCH@", self.touch),
            ("@EXT@", external),
        ]


@dataclass(slots=True)
class Canaries:
    """Planted, and watched from the auditor's process, which no attempt runs in."""

    planted: Planted
    _knocks: list[int]

    def tripped(self) -> list[str]:
        """Those that were reached behind the sandbox's back, since they were planted or last asked."""
        found = []
        if knocks := self._knocked():
            found.append(f"{knocks} connections to 127.0.0.1:{self.planted.port}")
        if Path(self.planted.touch).exists() or Path(self.planted.touch).is_symlink():
            found.append("a file that must not appear")
            _remove(Path(self.planted.touch))
        others = sorted(path.name for path in Path(self.planted.folder).iterdir() if str(path) != self.planted.file)
        if others:
            found.append(f"{', '.join(others)[:100]} in the secret folder")
            _empty(Path(self.planted.folder), keep=Path(self.planted.file))
        if (now := _content(self.planted.file)) != self.planted.in_file:
            found.append("the secret file is gone" if now is None else "the secret file was changed")
            Path(self.planted.file).write_text(self.planted.in_file)
        return found

    def in_text(self, text: str) -> list[str]:
        """Those whose secret stands in a text: as it is, in pieces, backwards, or in an encoding that hides it from a mere search."""
        bare = _BETWEEN.sub("", text.lower())
        return [what for what, secret in self.planted.secrets.items() if _stands_in(secret.partition("-")[2], text, bare)]

    def _knocked(self) -> int:
        """Connections since last asked. The last one is our own: they are heard in order, so all before it have been heard then."""
        address = ("127.0.0.1", self.planted.port)
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=KNOCK_SECONDS) as own:
            own.recv(1)
            self._knocks.remove(own.getsockname()[1])
        knocks = len(self._knocks)
        self._knocks.clear()
        return knocks


@contextlib.contextmanager
def planted() -> Iterator[Canaries]:
    """Canaries for as long as the block runs. Whoever may read files at all may read the secret one: nothing but a wall keeps it."""
    with tempfile.TemporaryDirectory(prefix="canary-") as name, socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        root = Path(name)
        root.chmod(0o755)
        folder = root / "secret"
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        told = Planted(
            file=str(folder / "canary.txt"),
            folder=str(folder),
            variable=f"CANARY_{secrets.token_hex(4).upper()}",
            port=server.getsockname()[1],
            touch=str(root / "touched"),
            in_file=f"FILE-{secrets.token_hex(12)}",
            in_variable=f"VARIABLE-{secrets.token_hex(12)}",
            in_memory=f"MEMORY-{secrets.token_hex(12)}",
        )
        Path(told.file).write_text(told.in_file)
        Path(told.file).chmod(0o666)
        root.chmod(0o777)
        knocks: list[int] = []
        threading.Thread(target=_answer, args=(server, knocks), name="canary-port", daemon=True).start()
        try:
            yield Canaries(told, knocks)
        finally:
            # Closing alone does not wake up a thread that waits in accept.
            server.shutdown(socket.SHUT_RDWR)


def _answer(server: socket.socket, knocks: list[int]) -> None:
    while True:
        try:
            connection, (_, port) = server.accept()
        except OSError:
            return
        knocks.append(port)
        connection.close()


def _stands_in(secret: str, text: str, bare: str) -> bool:
    """Whether the random part of a secret does.

    Args:
        bare: the text in small letters, without all that stands between letters and digits.
    """
    raw = secret.encode()
    spelled = (secret, secret[::-1], raw.hex(), "".join(str(byte) for byte in raw))
    return any(form in bare for form in spelled) or any(b64encode(raw[start : start + 21]).decode() in text for start in range(3))


def _content(path: str) -> str | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(fd, "rb") as file:
        return file.read(4096).decode("utf-8", "replace")


def _empty(folder: Path, *, keep: Path) -> None:
    for path in folder.iterdir():
        if path != keep:
            _remove(path)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
