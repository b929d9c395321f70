"""What both of OpenAI's APIs share: the SDK's client, made so that it reads nothing from the environment and holds no key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .endpoint import Endpoint
from .remote import Part, RemoteModel

OPENAI = "https://api.openai.com/v1"


class OpenAIModel(RemoteModel[Part]):
    """A model behind an endpoint of this SDK. Nothing is read from the environment here.

    Args:
        model: as the endpoint calls it.
        endpoint: where it is and which key belongs there.
        stream: ask for server-sent events; the answer is the same.
        sampling: what `complete` uses where it is given none.

    Raises:
        ConfigError: a sampling setting is unknown, a limit, or makes no sense.
    """

    package = "openai"

    def __init__(
        self, model: str, endpoint: Endpoint | None = None, *, stream: bool = False, sampling: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(model, endpoint or Endpoint(provider="openai", base_url=OPENAI), sampling=sampling)
        self.stream = stream

    def _build(self, package: Any) -> Any:
        return openai_client(package, self.endpoint)


def openai_client(openai: Any, endpoint: Endpoint) -> Any:
    """A client of the imported package for one endpoint."""
    from .transport import OneHostTransport, timeouts

    destination = endpoint.destination()
    http = openai.DefaultAsyncHttpx2Client(
        trust_env=False, follow_redirects=False, transport=OneHostTransport(destination), timeout=timeouts(destination)
    )
    # The key stays in the transport; organisation and project of the environment belong to another host.
    omitted = {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
    return openai.AsyncOpenAI(
        api_key="in-the-transport",
        base_url=destination.base_url,
        max_retries=0,
        http_client=http,
        default_headers=omitted,
        default_query=endpoint.query,
    )
