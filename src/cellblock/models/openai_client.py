"""The `openai` SDK's client, made so that it reads nothing from the environment and holds no key."""

from __future__ import annotations

from typing import Any

from .endpoint import Endpoint


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
