"""Every way an SDK call can go wrong, as one bounded line and one decision: try again or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ModelRefused, ModelUnavailable
from .protocol import Usage
from .redact import Secret, one_line
from .replies import ErrorBody, Malformed
from .retry import Failed, asked_wait, can_help

_HINTS = {
    401: "the key was not accepted",
    403: "the key may not do this",
    404: "no such model or address",
    413: "the prompt is too large",
    429: "too many requests",
}


class Failures:
    """Makes `Failed` for one provider; every text is redacted."""

    __slots__ = ("provider", "secrets")

    def __init__(self, provider: str, secrets: tuple[Secret, ...]) -> None:
        self.provider, self.secrets = provider, secrets

    def status(self, status: int, headers: Mapping[str, str], body: object) -> Failed:
        """The provider answered with an HTTP error."""
        detail, kind = _detail(body)
        hint = _HINTS.get(status, "redirects are not followed" if 300 <= status < 400 else "")
        return self._made(f"answered HTTP {status}", ": ".join(filter(None, (hint, detail))), status, kind, asked_wait(headers))

    def in_answer(self, error: ErrorBody | str) -> Failed:
        """An answer with status 200, or a stream, held an error."""
        body = error if isinstance(error, ErrorBody) else ErrorBody(message=error)
        status = body.code if isinstance(body.code, int) and 400 <= body.code < 600 else None
        kind = body.type or (body.code if isinstance(body.code, str) else "") or ""
        return self._made("broke off with an error", ": ".join(filter(None, (kind, body.message))), status, kind, None)

    def _made(self, what: str, detail: str, status: int | None, kind: str, wait: float | None) -> Failed:
        again = can_help(status, kind)
        text = f"{self.provider} {what}" + (f": {detail}" if detail else "")
        if again and wait is not None:
            text += f" (asks to wait {wait:.3g} s)"
        error = ModelUnavailable if again else ModelRefused
        return Failed(error(self.line(text), provider=self.provider, status=status), again=again, wait_seconds=wait)

    def connection(self, cause: BaseException) -> Failed:
        """The connection failed, timed out or broke."""
        reason = str(cause) or type(cause).__name__
        return self.unavailable(f"could not be reached or broke off: {reason}", again=True)

    def malformed(self, error: Malformed) -> Failed:
        """It answered, but not what its API answers."""
        return self.unavailable(f"answered {error}")

    def unavailable(self, what: str, *, again: bool = False) -> Failed:
        """No usable answer, for the reason `what`."""
        return Failed(ModelUnavailable(self.line(f"{self.provider} {what}"), provider=self.provider), again=again)

    def refused(self, what: str, usage: Usage | None = None) -> Failed:
        """The provider said no in a well-formed answer, which may have cost something, or the request cannot be sent."""
        return Failed(ModelRefused(self.line(f"{self.provider} {what}"), provider=self.provider, usage=usage))

    def line(self, text: str) -> str:
        """`text` on one bounded line, without the key."""
        return one_line(text, secrets=self.secrets)

    def clean(self, text: str) -> str:
        """`text` as it is, but without the key: an echoing endpoint may hand it to a cell."""
        for secret in self.secrets:
            text = secret.hidden_in(text)
        return text


def _detail(body: object) -> tuple[str, str]:
    if isinstance(body, str):
        return ("an HTML page" if body.lstrip()[:1] == "<" else body), ""
    if not isinstance(body, Mapping):
        return "", ""
    inner: Mapping[Any, Any] = body["error"] if isinstance(body.get("error"), Mapping) else body
    kind = next((inner[name] for name in ("code", "type") if isinstance(inner.get(name), str)), "")
    message = inner.get("message", body.get("error", ""))
    return (message if isinstance(message, str) else ""), kind
