"""A context as bytes that can be kept, and back: the sealed memory file as it is."""

from __future__ import annotations

import mmap
import os

from ..errors import StoreError
from .context import Context
from .joining import copied
from .sealed import HEADER, MAGIC, SealedWriter


def saved(context: Context) -> bytes:
    """All of it: text, documents, names."""
    with mmap.mmap(context.fd, context.size, prot=mmap.PROT_READ) as whole:
        return bytes(whole)


def restored(data: bytes) -> Context:
    """The context that `saved` gave, whose bytes somebody has vouched for.

    Raises:
        StoreError: it is none of this version.
    """
    if len(data) < HEADER.size or not data.startswith(MAGIC):
        raise StoreError("what was kept as a context is none")
    fd = os.memfd_create("kept-context", os.MFD_CLOEXEC)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        with SealedWriter() as writer:
            files = list(copied(fd, len(data), writer))
            return Context(writer, files=[entry for entry in files if entry.name])
    finally:
        os.close(fd)
