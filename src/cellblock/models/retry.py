"""Retries: which failures are worth another attempt, how long to wait, and when to stop."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import stamina

from ..errors import ModelError
from ..limits import check_limits

# Without a handler of the application's own, retries are not to be printed in the middle of its output.
logging.getLogger("stamina").addHandler(logging.NullHandler())

T = TypeVar("T")
_RETRIED = frozenset({408, 409, 429})
_OVERLOADS = frozenset({"overloaded_error", "rate_limit_error", "api_error", "timeout_error", "server_error", "rate_limit_exceeded"})
_NEVER = frozenset({"insufficient_quota", "billing_error", "billing_not_active", "billing_hard_limit_reached"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How often and how long one call of a model is tried.

    Raises:
        ConfigError: a field is not a finite number greater than 0.
    """

    attempts: int = 5
    """The first one included."""
    wait_initial_seconds: float = 0.5
    """Before the second attempt; doubled each time, plus a random part."""
    wait_max_seconds: float = 30.0
    """Longest single wait. A provider that asks for more is reported, not waited for."""
    total_seconds: float = 180.0
    """No further attempt begins after this."""

    def __post_init__(self) -> None:
        check_limits(self)


class Failed(Exception):
    """One attempt failed. `error` is what the caller sees if no other attempt follows."""

    def __init__(self, error: ModelError, *, again: bool = False, wait_seconds: float | None = None) -> None:
        self.error, self.again, self.wait_seconds = error, again, wait_seconds
        super().__init__(str(error))


async def with_retries(call: Callable[[], Awaitable[T]], policy: RetryPolicy) -> T:
    """What `call` returns, tried as often as `policy` allows while it raises `Failed` with `again`.

    Raises:
        ModelError: the last attempt's error.
    """
    attempts = stamina.retry_context(
        on=lambda error: _wait(error, policy),
        attempts=policy.attempts,
        timeout=policy.total_seconds,
        wait_initial=policy.wait_initial_seconds,
        wait_max=policy.wait_max_seconds,
        wait_jitter=policy.wait_initial_seconds,
    )
    try:
        async for attempt in attempts:
            with attempt:
                return await call()
    except Failed as failed:
        error = failed.error
    # Raised here, so that no SDK exception with its request hangs on it as context.
    raise error


def _wait(error: Exception, policy: RetryPolicy) -> bool | float:
    if not isinstance(error, Failed) or not error.again:
        return False
    if error.wait_seconds is None:
        return True
    return error.wait_seconds if error.wait_seconds <= policy.wait_max_seconds else False


def can_help(status: int | None, kind: str = "") -> bool:
    """Whether another attempt can help after this HTTP status or, within a stream, this type of error."""
    if kind in _NEVER:
        return False
    if status is None or status < 400:
        return kind in _OVERLOADS
    return status in _RETRIED or status >= 500


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "")
    seconds = _number(value)
    return seconds if seconds is not None else _until(value)


def _number(text: str) -> float | None:
    try:
        value = float(text[:32])
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _until(text: str) -> float | None:
    try:
        when = parsedate_to_datetime(text[:64])
    except (ValueError, OverflowError):
        return None
    moment = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
