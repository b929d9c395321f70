"""Anthropic's models on Amazon Bedrock: the messages API at another path, signed, streamed in another framing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ..errors import ConfigError
from .anthropic_messages import AnthropicMessages
from .aws import event_stream_data
from .endpoint import Endpoint
from .redact import one_line

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,2047}")


class BedrockMessages(AnthropicMessages):
    """An Anthropic model on Bedrock. Nothing is read from the environment here, and no AWS library is needed.

    Args:
        model: its id or inference profile, such as `eu.anthropic.claude-sonnet-4-5-20250929-v1:0`.
        endpoint: `https://bedrock-runtime.REGION.amazonaws.com` with `AwsAuth`, or with a Bedrock key as Bearer.
        stream: ask for an event stream, so that a long answer is not taken for a dead connection.
        sampling: what `complete` uses where it is given none.

    Raises:
        ConfigError: a sampling setting is unknown, a limit, or makes no sense, or the model's id cannot be one.
    """

    def __init__(self, model: str, endpoint: Endpoint, *, stream: bool = True, sampling: Mapping[str, Any] | None = None) -> None:
        # The id is a part of the path here.
        if not _MODEL.fullmatch(model):
            raise ConfigError(f"bedrock: {one_line(model, limit=80)!r} is no id of a model, inference profile or ARN")
        super().__init__(model, endpoint, stream=stream, sampling=sampling)

    def _build(self, package: Any) -> Any:
        # With a key of its own the SDK looks for no credentials; the region would only go into an address that is given.
        return package.AsyncAnthropicBedrock(api_key="in-the-transport", aws_region="none", **self._client_options())

    def _data(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        return event_stream_data(chunks)
