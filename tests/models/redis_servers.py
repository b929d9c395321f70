"""Redis for tests: the real server where it is installed, and a small one of our own that can also misbehave."""

from __future__ import annotations

import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

REAL = shutil.which("redis-server")


@contextmanager
def real_server(folder: Path, *arguments: str) -> Iterator[int]:
    """The port of a real server that keeps nothing on disk."""
    assert REAL is not None
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *arguments]
    with subprocess.Popen([REAL, *options], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            assert any("eady to accept connections" in line for line in server.stdout), "the Redis server did not start"
            yield port
        finally:
            server.terminate()
            server.stdout.read()


Reply = bytes | None
"""None: close the connection."""


class SmallRedis:
    """As much of the protocol as the cache uses.

    Attributes:
        stored: by name.
        odd: asked first with each command's words; what it returns is the reply, `b""` goes on to the usual one.
    """

    def __init__(self) -> None:
        self.stored: dict[bytes, bytes] = {}
        self.seconds: dict[bytes, int] = {}
        self.odd: Callable[[list[bytes]], Reply] = lambda words: b""
        self.commands: list[list[bytes]] = []

    def reply(self, words: list[bytes]) -> Reply:
        self.commands.append(words)
        odd = self.odd(words)
        if odd != b"":
            return odd
        match words[0].upper(), *words[1:]:
            case [b"SET", name, value, b"EX", seconds]:
                self.stored[name], self.seconds[name] = value, int(seconds)
                return b"+OK\r\n"
            case [b"GETRANGE", name, first, last]:
                return bulk(self.stored.get(name, b"")[int(first) : int(last) + 1])
            case [b"SELECT" | b"AUTH" | b"CLIENT", *_]:
                return b"+OK\r\n"
        return b"-ERR unknown command\r\n"


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(value), value)


@contextmanager
def small_server(redis: SmallRedis) -> Iterator[int]:
    """Its port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while head := self.rfile.readline():
                words = []
                for _ in range(int(head[1:])):
                    length = int(self.rfile.readline()[1:])
                    words.append(self.rfile.read(length + 2)[:-2])
                reply = redis.reply(words)
                if reply is None:
                    return
                self.wfile.write(reply)

        def finish(self) -> None:
            try:
                super().finish()
            except OSError:
                pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, allow_reuse_address, request_queue_size = True, True, 128

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
