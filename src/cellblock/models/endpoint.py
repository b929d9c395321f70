"""Where a model is reached, and the key that belongs there."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .auth import BEARER, Auth, check_header
from .rates import Rates
from .redact import Secret, one_line
from .retry import RetryPolicy

if TYPE_CHECKING:
    from .transport import Destination

NO_KEY = Secret("none")
"""Sent where no key is known: local servers ignore it."""
# Stricter than any URL parser, so that no two parsers can disagree about the host.
_URL = re.compile(r"(https?)://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?(/[A-Za-z0-9._~/%:+-]{0,1000})?")
_VERSION = re.compile(r"[A-Za-z0-9.-]{0,40}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One address of one provider.

    Raises:
        ConfigError: `base_url` is not a plain http or https address, `timeout_seconds` is not above 0, or a header or `api_version`
            cannot be sent.
    """

    provider: str
    """How names and errors call it: a preset's name, or the host."""
    base_url: str
    key: Secret = NO_KEY
    auth: Auth = BEARER
    """How the key is shown."""
    headers: tuple[tuple[str, str], ...] = ()
    """More headers, none of them secret: names in lower case, and values."""
    api_version: str = ""
    """Sent as `api-version` in the query, where a provider wants it."""
    timeout_seconds: float = 600.0
    """Of one attempt, from connecting to the last byte."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    rates: Rates = field(default_factory=Rates)
    """How often this key may be used, by every adapter of this process that has it."""

    def __post_init__(self) -> None:
        origin(self.base_url)
        if not 0 < self.timeout_seconds < float("inf"):
            raise ConfigError(f"timeout_seconds={self.timeout_seconds!r}: must be finite and greater than 0")
        for name, value in self.headers:
            check_header(name, value)
        if not _VERSION.fullmatch(self.api_version):
            raise ConfigError(f"api_version {self.api_version[:50]!r}: letters, digits, dots and hyphens are needed, such as 2024-10-21")

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not be shown anywhere."""
        return (self.key, *self.auth.secrets)

    @property
    def key_id(self) -> str:
        """Names the key at its host, and does not tell it."""
        return hashlib.sha256(repr((origin(self.base_url), self.key.reveal())).encode()).hexdigest()

    @property
    def query(self) -> dict[str, str]:
        """What goes into every request's query."""
        return {"api-version": self.api_version} if self.api_version else {}

    def destination(self) -> Destination:
        """The same for the transport."""
        from .transport import Destination

        return Destination(base_url=self.base_url, key=self.key, auth=self.auth, headers=self.headers, timeout_seconds=self.timeout_seconds)


def origin(base_url: str) -> tuple[str, str, int]:
    """Scheme, host in lower case, and port of `base_url`.

    Raises:
        ConfigError: it has anything but scheme, host, port and path.
    """
    match = _URL.fullmatch(base_url)
    port = int(match[3]) if match and match[3] else None
    if match is None or (port is not None and not 0 < port < 65536):
        shown = one_line(re.sub(r"//[^/]*@", "//[…]@", base_url[:200]))
        raise ConfigError(f"base_url {shown!r}: use http(s)://host[:port][/path], without user, query or fragment")
    return match[1], match[2].lower(), port or (443 if match[1] == "https" else 80)
