"""From a model's name to an adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from .anthropic_messages import AnthropicMessages
from .bedrock import BedrockMessages
from .callables import CallableModel
from .claude_cli import ClaudeCLI
from .keys import Choice, custom_endpoint, endpoint_for
from .openai_chat import OpenAIChat
from .openai_responses import OpenAIResponses
from .protocol import ModelAdapter
from .providers import NOT_THEIRS, PROVIDERS, local, several_vendors
from .redact import one_line
from .simulated import SimulatedModel

_ADAPTERS: Mapping[str, Callable[..., ModelAdapter]] = {
    "chat": OpenAIChat,
    "responses": OpenAIResponses,
    "messages": AnthropicMessages,
    "bedrock": BedrockMessages,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given:
    """What came with the name."""

    base_url: str | None
    api_key: str | None
    sampling: Mapping[str, Any] | None

    def refuse(self, what: str, *names: str) -> None:
        given = [name for name in names if getattr(self, name) is not None]
        if given:
            raise ConfigError(f"{' and '.join(given)}: {what}")


def resolve(
    spec: str | ModelAdapter | Callable[..., Any],
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    sampling: Mapping[str, Any] | None = None,
) -> ModelAdapter:
    """The adapter that `spec` means.

    A provider with several APIs is asked over its first one, which is chat completions at OpenAI, Azure and xAI. `provider+api:model` names
    another: `openai+responses:gpt-5` and `xai+responses:grok-5` use the Responses API.

    Args:
        spec: an adapter, returned as it is; a function; or a name: `provider:model` where the provider is a known
            one, a name that only one provider has (`gpt-5`, `claude-…`, `gemini-…`, `grok-…`), or `simulated` with
            settings (`simulated:seed=3,syntax_error=0.1`).
        base_url: an endpoint of your own; a name without provider is then sent to it as it is, over the chat API.
            A provider's key from the environment goes to it only if it is that provider's own host.
        api_key: the key for that endpoint or provider, before any environment variable.
        sampling: what the adapter uses where a call names no settings.

    Raises:
        ConfigError: the name is unknown or ambiguous (the choices are listed), a key or a part of the address is missing (its
            variable is named), `base_url` is not an address, or `sampling` holds a limit or an unknown setting.
    """
    given = _Given(base_url=base_url, api_key=api_key or None, sampling=sampling)
    if isinstance(spec, str):
        return _named(spec.strip(), given)
    given.refuse("these go with a model's name, not with an adapter or a function", "base_url", "api_key", "sampling")
    if isinstance(spec, ModelAdapter):
        return spec
    if callable(spec):
        return CallableModel(spec)
    raise ConfigError(f"a model is a name, an adapter or a function, not {type(spec).__name__}")


def _named(spec: str, given: _Given) -> ModelAdapter:
    head, colon, model = spec.partition(":")
    if head == "simulated":
        given.refuse("the simulated model takes no sampling", "sampling")
        return SimulatedModel(**_settings(model))
    name, plus, api = head.partition("+")
    if not spec or (colon and name in PROVIDERS and not model):
        raise ConfigError(f"model {_shown(spec)}: no model is named; {_known()}")
    if colon and name in PROVIDERS:
        return _adapter(_choice(name, api if plus else PROVIDERS[name].apis[0], model), given)
    if given.base_url is not None:
        return OpenAIChat(spec, custom_endpoint(given.base_url, given.api_key), sampling=given.sampling)
    name = _provider_of(spec)
    return _adapter(_choice(name, PROVIDERS[name].apis[0], spec), given)


def _choice(name: str, api: str, model: str) -> Choice:
    provider = PROVIDERS[name]
    for known in provider.apis:
        if known == api:
            return Choice(name=name, provider=provider, api=known, model=model)
    known_ones = ", ".join(f"{name}+{known}:{one_line(model, limit=80)}" for known in provider.apis)
    raise ConfigError(f"{name} has no API {_shown(api)}; known: {known_ones}")


def _provider_of(model: str) -> str:
    if not model.startswith(NOT_THEIRS):
        for name, provider in PROVIDERS.items():
            if model.startswith(provider.model_names or ("\0",)):
                return name
    raise ConfigError(f"model {_shown(model)} is {_why(model)}")


def _why(model: str) -> str:
    if "/" in model:
        return f"served by several providers; say which: {_choices(several_vendors(), model)}, or give base_url="
    if ":" in model and not model.startswith(NOT_THEIRS):
        # Most often a provider's name with a slip of the pen; but local models' names have colons, too.
        head = _shown(model.partition(":")[0])
        return f"unknown: {head} is no provider; {_known()}; or say where a model of that name is: {_choices(local(), model)}"
    if model.startswith(NOT_THEIRS):
        return f"no known provider's alone; say where it is: {_choices(local(), model)}, or give base_url="
    return f"unknown; {_known()}"


def _choices(providers: tuple[str, ...], model: str) -> str:
    return ", ".join(f"{name}:{one_line(model, limit=50)}" for name in providers)


def _known() -> str:
    return f"use provider:model with one of {', '.join(PROVIDERS)}, or simulated, or give base_url="


def _shown(model: str) -> str:
    return repr(one_line(model, limit=80))


def _adapter(choice: Choice, given: _Given) -> ModelAdapter:
    if choice.api == "claude-cli":
        given.refuse("claude-cli runs a command, which has its own login, address and settings", "base_url", "api_key", "sampling")
        return ClaudeCLI(choice.model)
    return _ADAPTERS[choice.api](choice.model, endpoint_for(choice, given.base_url, given.api_key), sampling=given.sampling)


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
