"""How a key is shown to the host that it belongs to: in one header, or by a signature."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from ..errors import ConfigError
from .aws import Outgoing, Signer
from .redact import Secret

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")
_VALUE = re.compile(r"[!-~](?:[ -~]{0,998}[!-~])?")
_RESERVED = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "te", "upgrade", "trailer", "cookie"}
)


def check_header(name: str, value: str = "x") -> None:
    """Refuse what is no header of one's own.

    Raises:
        ConfigError: the name is not lower-case letters, digits and hyphens, or is one that the transport sets, or the value is not one
            printable line.
    """
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise ConfigError(f"header {name[:60]!r}: use lower-case letters, digits and hyphens, and none of {', '.join(sorted(_RESERVED))}")
    if not _VALUE.fullmatch(value):
        raise ConfigError(f"header {name!r}: its value is not one line of printable ASCII")


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderAuth:
    """The key in one header.

    Raises:
        ConfigError: the header cannot carry a key.
    """

    header: str = "authorization"
    prefix: str = "Bearer "
    """Before the key."""

    def __post_init__(self) -> None:
        check_header(self.header, f"{self.prefix}x")

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """None but the key itself."""
        return ()

    def headers(self, key: Secret, request: Outgoing) -> dict[str, str]:
        """What has to be added to `request`."""
        return {self.header: self.prefix + key.reveal()}


@dataclass(frozen=True, kw_only=True, slots=True)
class AwsAuth:
    """Signature version 4; the endpoint's key is the secret access key."""

    access_key_id: Secret
    region: str
    session_token: Secret | None = None
    service: str = "bedrock"

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not be shown, besides the key."""
        return tuple(filter(None, (self.access_key_id, self.session_token)))

    def headers(self, key: Secret, request: Outgoing) -> dict[str, str]:
        """What has to be added to `request`, signed now."""
        signer = Signer(
            access_key_id=self.access_key_id.reveal(),
            secret_key=key,
            session_token=self.session_token,
            region=self.region,
            service=self.service,
        )
        return signer.headers(request, datetime.now(UTC))


Auth: TypeAlias = HeaderAuth | AwsAuth
BEARER = HeaderAuth()
"""`Authorization: Bearer …`, as most have it."""
