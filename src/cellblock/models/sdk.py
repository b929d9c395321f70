"""A client per event loop, and one map from the exceptions of SDKs and their transport to ours."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from anyio.lowlevel import RunVar

from ..errors import ConfigError
from ..in_thread import in_thread
from .failures import Failures
from .replies import Malformed
from .retry import Failed


@dataclass(slots=True)
class ClientPerLoop:
    """An SDK client for each event loop that asks for one: pooled connections belong to their loop."""

    package: str
    """Imported at first use, in a thread: it takes most of a second."""
    build: Callable[[Any], Any]
    """From the imported package to a client; what it returns has `close()`."""
    _clients: RunVar[Any] = field(default_factory=lambda: RunVar("client", None))
    _closed: bool = False

    async def get(self) -> Any:
        """The running loop's client.

        Raises:
            ConfigError: the adapter was closed.
        """
        if self._closed:
            raise ConfigError("this model adapter was closed; build another")
        if self._clients.get() is None:
            package = await in_thread(importlib.import_module, self.package)
            # Looked up again: another task may have built it during the import.
            if self._clients.get() is None:
                self._clients.set(self.build(package))
        return self._clients.get()

    async def aclose(self) -> None:
        """Close the running loop's client; no other loop's connections can be closed from here."""
        self._closed = True
        client = self._clients.get()
        if client is not None:
            self._clients.set(None)
            await client.close()


@contextmanager
def mapped(failures: Failures) -> Iterator[None]:
    """Turn whatever a request raises into `Failed`.

    Raises:
        Failed: always instead of the transport's and the decoder's own exceptions.
    """
    import httpx2

    try:
        yield
    except Malformed as error:
        raise failures.malformed(error) from None
    except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
        raise _broken(error, failures) from None
    except (httpx2.InvalidURL, UnicodeError, RecursionError) as error:
        raise failures.refused(f"could not be asked: {error}") from None


@contextmanager
def mapped_sdk(package: str, failures: Failures) -> Iterator[None]:
    """The same for an SDK's requests.

    Raises:
        Failed: always instead of the SDK's, the transport's and the decoder's own exceptions.
    """
    sdk: Any = importlib.import_module(package)
    with mapped(failures):
        try:
            yield
        except sdk.APIStatusError as error:
            raise failures.status(error.status_code, error.response.headers, error.body) from None
        except sdk.APIError as error:
            raise _broken(error, failures) from None


def _broken(error: Exception, failures: Failures) -> Failed:
    from .transport import AnswerStopped

    # The SDK says "Connection error."; the reason is in what it was raised from.
    cause = error.__cause__ or error
    if isinstance(cause, AnswerStopped):
        return failures.unavailable(f"answered something that was not read: {cause}")
    return failures.connection(cause)
