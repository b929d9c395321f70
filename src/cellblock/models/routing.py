"""From a model's name to an adapter, and from the environment to the one host that a key belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from ..errors import ConfigError
from .anthropic_messages import AnthropicMessages
from .callables import CallableModel
from .endpoint import NO_KEY, Endpoint, origin
from .openai_chat import OpenAIChat
from .protocol import ModelAdapter
from .providers import LOCAL, NOT_THEIRS, PROVIDERS, SEVERAL_VENDORS, Provider
from .redact import Secret, one_line
from .simulated import SimulatedModel

CUSTOM_KEY = "CELLBLOCK_API_KEY"
"""The environment variable whose key is for whatever `base_url` the caller names."""


def resolve(spec: str | ModelAdapter | Callable[..., Any], *, base_url: str | None = None, api_key: str | None = None) -> ModelAdapter:
    """The adapter that `spec` means.

    Args:
        spec: an adapter, returned as it is; a function; or a name: `provider:model` where the provider is a known
            one, a name that only one provider has (`gpt-5`, `claude-…`, `gemini-…`, `grok-…`), or `simulated` with
            settings (`simulated:seed=3,syntax_error=0.1`).
        base_url: an endpoint of your own; a name without provider is then sent to it as it is, over the chat API.
            A provider's key from the environment goes to it only if it is that provider's own host.
        api_key: the key for that endpoint or provider, before any environment variable.

    Raises:
        ConfigError: the name is unknown or ambiguous (the choices are listed), a key is missing (its variable is
            named), or `base_url` is not an address.
    """
    if isinstance(spec, str):
        return _named(spec.strip(), base_url, api_key or None)
    if base_url is not None or api_key is not None:
        raise ConfigError("base_url and api_key go with a model's name, not with an adapter or a function")
    if isinstance(spec, ModelAdapter):
        return spec
    if callable(spec):
        return CallableModel(spec)
    raise ConfigError(f"a model is a name, an adapter or a function, not {type(spec).__name__}")


def _named(spec: str, base_url: str | None, api_key: str | None) -> ModelAdapter:
    head, colon, tail = spec.partition(":")
    if head == "simulated":
        return SimulatedModel(**_settings(tail))
    if not spec or (colon and head in PROVIDERS and not tail):
        raise ConfigError(f"model {_shown(spec)}: no model is named; {_known()}")
    if colon and head in PROVIDERS:
        return _adapter(head, tail, base_url, api_key)
    if base_url is not None:
        return OpenAIChat(spec, Endpoint(provider=origin(base_url)[1], base_url=base_url, key=_custom_key(api_key)))
    return _adapter(_provider_of(spec), spec, None, api_key)


def _provider_of(model: str) -> str:
    if not model.startswith(NOT_THEIRS):
        for name, provider in PROVIDERS.items():
            if model.startswith(provider.model_names or ("\0",)):
                return name
    raise ConfigError(f"model {_shown(model)} is {_why(model)}")


def _why(model: str) -> str:
    if "/" in model:
        return f"served by several providers; say which: {_choices(SEVERAL_VENDORS, model)}, or give base_url="
    if ":" in model or model.startswith(NOT_THEIRS):
        return f"no known provider's alone; say where it is: {_choices(LOCAL, model)}, or give base_url="
    return f"unknown; {_known()}"


def _choices(providers: tuple[str, ...], model: str) -> str:
    return ", ".join(f"{name}:{one_line(model, limit=80)}" for name in providers)


def _known() -> str:
    return f"use provider:model with one of {', '.join(PROVIDERS)}, or simulated, or give base_url="


def _shown(model: str) -> str:
    return repr(one_line(model, limit=80))


def _adapter(name: str, model: str, base_url: str | None, api_key: str | None) -> ModelAdapter:
    provider = PROVIDERS[name]
    address = provider.base_url if base_url is None else base_url
    # At another address it is not the provider that answers, or fails to.
    who = name if origin(address) == origin(provider.base_url) else origin(address)[1]
    endpoint = Endpoint(provider=who, base_url=address, key=_key(name, provider, address, api_key))
    return AnthropicMessages(model, endpoint) if provider.api == "messages" else OpenAIChat(model, endpoint)


def _key(name: str, provider: Provider, address: str, api_key: str | None) -> Secret:
    if origin(address) != origin(provider.base_url):
        # Another host, port or scheme: a key of the environment that is the provider's stays at home.
        return _custom_key(api_key)
    found = api_key or next(filter(None, map(os.environ.get, provider.key_variables)), None)
    if found:
        return _secret(found)
    if provider.key_variables:
        raise ConfigError(f"{name} needs a key: set {' or '.join(provider.key_variables)}, or give api_key=")
    return NO_KEY


def _custom_key(api_key: str | None) -> Secret:
    found = api_key or os.environ.get(CUSTOM_KEY)
    return _secret(found) if found else NO_KEY


def _secret(key: str) -> Secret:
    key = key.strip()
    if not re.fullmatch(r"[!-~]{1,4096}", key):
        raise ConfigError("the key holds characters that no key has, such as spaces or line breaks")
    return Secret(key)


def _settings(text: str) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for item in filter(None, text.split(",")):
        name, equals, value = item.partition("=")
        name = name.strip()
        if not equals or name not in SimulatedModel.SETTINGS:
            raise ConfigError(f"simulated: no setting {_shown(item)}; known: {', '.join(SimulatedModel.SETTINGS)}, each as name=number")
        try:
            settings[name] = int(value) if name == "seed" else float(value)
        except ValueError:
            raise ConfigError(f"simulated: {name}={_shown(value)} is not a number") from None
    return settings
