"""Anthropic's models on Amazon Bedrock: the messages API at another path, signed, streamed in another framing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from .anthropic_messages import AnthropicMessages
from .aws import event_stream_data


class BedrockMessages(AnthropicMessages):
    """An Anthropic model on Bedrock. Nothing is read from the environment here, and no AWS library is needed.

    Args:
        model: its id or inference profile, such as `eu.anthropic.claude-sonnet-4-5-20250929-v1:0`.
        endpoint: `https://bedrock-runtime.REGION.amazonaws.com` with `AwsAuth`, or with a Bedrock key as Bearer.
        stream: ask for an event stream, so that a long answer is not taken for a dead connection.
        sampling: what `complete` uses where it is given none.

    Raises:
        ConfigError: a sampling setting is unknown, a limit, or makes no sense.
    """

    def _build(self, package: Any) -> Any:
        # With a key of its own the SDK looks for no credentials; the region would only go into an address that is given.
        return package.AsyncAnthropicBedrock(api_key="in-the-transport", aws_region="none", **self._client_options())

    def _data(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        return event_stream_data(chunks)
