"""The oracle's files are real ones: an empty folder of this machine becomes the root of its process, and the far functions follow it."""

from __future__ import annotations

import contextlib
import csv  # noqa: F401 - what cells import has to be there before the root changes
import ctypes
import encodings.latin_1  # noqa: F401
import glob  # noqa: F401
import os
import pathlib
from collections.abc import Iterator

from case_files import Files

from cellblock.host.vfs_paths import FOLDERS

NOBODY = 65534
_CLONE_NEWUSER = 0x10000000


class OracleDisk(Files):
    """Files of which those below the root of this process are the truth. There is no way back from it."""

    def enter(self, root: str) -> None:
        """Make this empty folder the root."""
        if os.geteuid() != 0 and ctypes.CDLL(None).unshare(_CLONE_NEWUSER):
            raise OSError("this machine lets nobody change the root of a process")
        os.chroot(root)
        os.chdir("/")
        for folder in FOLDERS:
            os.mkdir(folder)
        for path in self.vfs.list():
            pathlib.Path(path).write_bytes(self.vfs.read(path))
        self.given = frozenset(self.vfs.list())
        if os.geteuid() == 0:
            # Cells are plain Python here. Whatever one of them does, it does it as nobody.
            for place in ("/", *self.given, *FOLDERS):
                os.chown(place, NOBODY, NOBODY)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

    @contextlib.contextmanager
    def settled(self) -> Iterator[None]:
        """What cells did to the disk is in the files before a call, and what the call did is on the disk after it."""
        there = {str(path): path.read_bytes() for path in pathlib.Path("/").rglob("*") if path.is_file() and str(path) not in self.given}
        for path in self.vfs.files().keys() - there.keys():
            self.vfs.delete(path)
        for path, data in there.items():
            self.vfs.write(path, data)
        yield
        for path in there.keys() - self.vfs.files().keys():
            os.remove(path)
        for path, data in self.vfs.files().items():
            if there.get(path) != data:
                pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
                pathlib.Path(path).write_bytes(data)
