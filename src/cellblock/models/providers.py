"""The providers that are known by name: one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .auth import BEARER, HeaderAuth

Api: TypeAlias = Literal["chat", "responses", "messages", "bedrock", "claude-cli"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A part of an address that the environment gives."""

    variables: tuple[str, ...]
    """The first one that is set counts."""
    pattern: str
    """What it may be, as a regular expression; its first group is put in. Nothing that could move the key to another host."""
    example: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """One provider's addresses and key."""

    apis: tuple[Api, ...]
    """The first one is used unless the name says `provider+api:model`."""
    base_url: str
    """May hold `{place}` and `{model}`."""
    places: Mapping[str, Place] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Starts of addresses that are written differently."""
    version_variables: tuple[str, ...] = ()
    """Environment variables that may hold an `api-version`."""
    dated_urls: Mapping[Api, str] = field(default_factory=dict)
    """The addresses where that version is a date."""
    key_variables: tuple[str, ...] = ()
    """Environment variables that may hold its key, the first one preferred."""
    key_needed: bool = True
    auth: HeaderAuth = BEARER
    header_variables: Mapping[str, str] = field(default_factory=dict)
    """Further headers, none of them secret, and the environment variable of each."""
    model_names: tuple[str, ...] = ()
    """Starts of model names that are this provider's alone."""
    many_vendors: bool = False
    """Whether its model names look like `vendor/model`."""
    local: bool = False
    """Whether it runs on one's own machine, with open weights."""


_REGION = r"([a-z0-9-]{1,40})"
_OPENAI: tuple[Api, ...] = ("chat", "responses")

PROVIDERS: dict[str, Provider] = {
    "openai": Provider(
        apis=_OPENAI,
        base_url="https://api.openai.com/v1",
        key_variables=("OPENAI_API_KEY",),
        model_names=("gpt-", "chatgpt-", "o1", "o3", "o4"),
    ),
    "anthropic": Provider(
        apis=("messages",), base_url="https://api.anthropic.com", key_variables=("ANTHROPIC_API_KEY",), model_names=("claude-",)
    ),
    "gemini": Provider(
        apis=("chat",),
        base_url="https://generativelanguage.googleapis.com/v1beta/openai/",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        model_names=("gemini-",),
    ),
    "xai": Provider(apis=_OPENAI, base_url="https://api.x.ai/v1", key_variables=("XAI_API_KEY",), model_names=("grok-",)),
    "azure": Provider(
        apis=_OPENAI,
        base_url="{endpoint}/openai/v1/",
        # What the portal shows has a slash at the end; what some guides say has the path, too.
        places={
            "endpoint": Place(
                variables=("AZURE_OPENAI_ENDPOINT",),
                pattern=r"(https?://[A-Za-z0-9.-]{1,253}(?::\d{1,5})?)(?:/openai(?:/v1)?)?/?",
                example="https://NAME.openai.azure.com",
            )
        },
        version_variables=("AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"),
        dated_urls={"chat": "{endpoint}/openai/deployments/{model}", "responses": "{endpoint}/openai"},
        key_variables=("AZURE_OPENAI_API_KEY",),
        auth=HeaderAuth(header="api-key", prefix=""),
    ),
    "bedrock": Provider(
        apis=("bedrock",),
        base_url="https://bedrock-runtime.{region}.amazonaws.com",
        places={"region": Place(variables=("AWS_REGION", "AWS_DEFAULT_REGION"), pattern=_REGION, example="eu-west-1")},
        key_variables=("AWS_BEARER_TOKEN_BEDROCK",),
        model_names=("anthropic.claude-", "us.anthropic.", "eu.anthropic.", "apac.anthropic.", "global.anthropic."),
    ),
    "vertex": Provider(
        apis=("chat",),
        base_url="https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}/endpoints/openapi",
        places={
            "project": Place(
                variables=("VERTEX_PROJECT", "GOOGLE_CLOUD_PROJECT"), pattern=r"([A-Za-z0-9-]{1,63})", example="my-project-123"
            ),
            "location": Place(variables=("VERTEX_LOCATION", "GOOGLE_CLOUD_LOCATION"), pattern=_REGION, example="europe-west4 or global"),
        },
        aliases={"https://global-aiplatform.": "https://aiplatform."},
        key_variables=("VERTEX_ACCESS_TOKEN", "GOOGLE_ACCESS_TOKEN"),
    ),
    "openrouter": Provider(apis=_OPENAI, base_url="https://openrouter.ai/api/v1", key_variables=("OPENROUTER_API_KEY",), many_vendors=True),
    "huggingface": Provider(apis=("chat",), base_url="https://router.huggingface.co/v1", key_variables=("HF_TOKEN",), many_vendors=True),
    "vercel": Provider(
        apis=("chat",), base_url="https://ai-gateway.vercel.sh/v1", key_variables=("AI_GATEWAY_API_KEY",), many_vendors=True
    ),
    "portkey": Provider(
        apis=("chat",),
        base_url="https://api.portkey.ai/v1",
        key_variables=("PORTKEY_API_KEY",),
        auth=HeaderAuth(header="x-portkey-api-key", prefix=""),
        header_variables={"x-portkey-provider": "PORTKEY_PROVIDER"},
    ),
    "litellm": Provider(
        apis=_OPENAI,
        base_url="http://localhost:4000/v1",
        key_variables=("LITELLM_API_KEY", "LITELLM_MASTER_KEY"),
        key_needed=False,
        many_vendors=True,
    ),
    "ollama": Provider(apis=_OPENAI, base_url="http://localhost:11434/v1", local=True),
    "lmstudio": Provider(apis=_OPENAI, base_url="http://localhost:1234/v1", local=True, many_vendors=True),
    "vllm": Provider(apis=_OPENAI, base_url="http://localhost:8000/v1", local=True, many_vendors=True),
    "claude-cli": Provider(apis=("claude-cli",), base_url="", key_needed=False),
}

NOT_THEIRS = ("gpt-oss",)
"""Open weights whose names begin like a provider's: many serve them."""


def several_vendors() -> tuple[str, ...]:
    """Providers whose model names look like `vendor/model`."""
    return tuple(name for name, provider in PROVIDERS.items() if provider.many_vendors)


def local() -> tuple[str, ...]:
    """Providers that run on one's own machine."""
    return tuple(name for name, provider in PROVIDERS.items() if provider.local)
