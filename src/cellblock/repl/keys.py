"""What is a tenant's alone: the key that seals its snapshots and the seed of its cells, derived from one secret of this user, which is
made at first use.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import stat
from pathlib import Path

import platformdirs

from ..errors import ConfigError

KEY_BYTES = 32
SEED_BITS = 53
"""Of a seed: as many as every reader of JSON keeps."""
_OF_THIS_PROCESS = secrets.token_bytes(KEY_BYTES)


def tenant_key(tenant: str, secret: bytes | None = None) -> bytes:
    """The key of that tenant; no other tenant's can be computed from it.

    Args:
        secret: at least 32 bytes, the same wherever the snapshots are to be read; None takes this user's own.

    Raises:
        ConfigError: `secret` is too short, or the user's secret cannot be used.
    """
    if secret is not None and (not isinstance(secret, bytes) or len(secret) < KEY_BYTES):
        raise ConfigError(f"secret: at least {KEY_BYTES} bytes are needed")
    return hmac.digest(secret or _own_secret(_place()), b"cellblock snapshot of tenant\0" + tenant.encode(), "sha256")


def tenant_seed(tenant: str, secret: bytes | None = None) -> int:
    """The seed of that tenant's cells where none is given: the same each time, and to be guessed by no other tenant.

    Where this user can keep no secret, it is the same for as long as this process lives.

    Args:
        secret: as for `tenant_key`.

    Raises:
        ConfigError: `secret` is too short.
    """
    try:
        key = tenant_key(tenant, secret)
    except ConfigError:
        if secret is not None:
            raise
        key = tenant_key(tenant, _OF_THIS_PROCESS)
    # Of a digest of its own, since cells see what follows from it.
    return int.from_bytes(hmac.digest(key, b"cellblock seed", "sha256")[:8], "big") >> (64 - SEED_BITS)


def _place() -> Path:
    # Several machines that go on with each other's runs and threads need the same secret.
    if given := os.environ.get("CELLBLOCK_SECRET_FILE"):
        return Path(given)
    return Path(platformdirs.user_data_dir("cellblock")) / "snapshot.key"


def _own_secret(path: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        return _read(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and linked: another process that makes it at the same time wins or loses whole.
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(fresh)
        finally:
            fresh.unlink(missing_ok=True)
        return _read(path)
    except OSError as error:
        raise ConfigError(f"{path}: the snapshot secret cannot be kept ({error.strerror}); give snapshot_secret=") from error


def _read(path: Path) -> bytes:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            about, secret = os.fstat(file.fileno()), file.read(KEY_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path}: the snapshot secret cannot be read ({error.strerror})") from error
    if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077 or len(secret) != KEY_BYTES:
        raise ConfigError(f"{path}: not this user's alone, or not {KEY_BYTES} bytes long; chmod 600 it, or remove it to make another")
    return secret
