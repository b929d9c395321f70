"""The engine's virtual files in a session without a run."""

from __future__ import annotations

from ..host.vfs import Vfs, VfsLimits
from ..repl.protocol import External
from .norun import file_externals

LIMITS = VfsLimits()
FIRST = {"/data/hello.txt": b"hello\n", "/data/sub/deep.txt": b"deep\n"}
"""What stands there before the attempt."""


class VirtualFiles:
    """The files of one attempt."""

    def __init__(self) -> None:
        self.vfs = Vfs(LIMITS)
        for path, data in FIRST.items():
            self.vfs.write(path, data)

    def externals(self) -> dict[str, External]:
        """`vfs.read` and so on."""
        return file_externals(self.vfs)

    def over(self) -> list[str]:
        """Quotas that were passed."""
        files = self.vfs.files()
        used = {"files": len(files), "total_bytes": sum(map(len, files.values())), "file_bytes": max(map(len, files.values()), default=0)}
        return [f"{used[name]:,} {name}, {getattr(LIMITS, name):,} were allowed" for name in used if used[name] > getattr(LIMITS, name)]
