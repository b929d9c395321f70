"""What a call cost: the caller's own prices first, then a table that comes with a package. Nothing is asked over a network.

A price that is not known stays unknown, also for models on this machine: electricity is not free, and a budget that counts 0
for what it does not know never ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from ..errors import ConfigError
from .protocol import Usage
from .providers import NOT_THEIRS, PROVIDERS

MILLION = 1_000_000
NAME_CHARS = 200
"""Longest model name that is looked up: names come from providers, too."""
_SELLERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "gemini": "google",
    "vertex": "google",
    "xai": "x-ai",
    "openrouter": "openrouter",
    "azure": "azure",
    "bedrock": "aws",
    "api.cerebras.ai": "cerebras",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.together.xyz": "together",
}
"""From the first part of an adapter's name, a provider or a host, to the table's name of who is paid. Exact: the table's own search
takes every host whose name begins or every provider whose name contains something known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What a million tokens cost, in US dollars.

    Raises:
        ConfigError: a field is not a finite number of at least 0.
    """

    input_per_million: float
    output_per_million: float
    cached_per_million: float | None = None
    """Of input that the provider read from its cache; None: the same as other input."""

    def __post_init__(self) -> None:
        for name in ("input_per_million", "output_per_million", "cached_per_million"):
            value = getattr(self, name)
            if value is None and name == "cached_per_million":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise ConfigError(f"{name}={str(value)[:50]}: a finite number of US dollars is needed, 0 or more")

    def of(self, usage: Usage) -> float:
        """What that many tokens cost."""
        cached = self.input_per_million if self.cached_per_million is None else self.cached_per_million
        fresh = usage.input_tokens - usage.cached_tokens
        total = fresh * self.input_per_million + usage.cached_tokens * cached + usage.output_tokens * self.output_per_million
        return total / MILLION


NO_PRICES: Mapping[str, Price] = {}


def cost(model_name: str, usage: Usage, own: Mapping[str, Price] = NO_PRICES) -> float | None:
    """US dollars for what was used; None where the price is not known.

    Args:
        model_name: an adapter's name such as `openai:gpt-5`, or a name without provider if only one provider has it.
        usage: of one call, or of several: some prices depend on how long a prompt was, and theirs is taken for as long as the mean.
        own: the caller's prices, by the whole name or by the part after the provider. They win over the table.
    """
    price = own.get(model_name) or own.get(model_name.partition(":")[2]) or _listed(model_name, _prompt_tokens(usage))
    return None if price is None else price.of(usage)


def priced(usage: Usage, model_name: str, own: Mapping[str, Price] = NO_PRICES, *, reported: str = "") -> Usage:
    """The same usage with its cost, where none is given and the price is known. An estimated usage has an estimated cost.

    Args:
        usage: of one call.
        model_name: the adapter's.
        own: as in `cost`.
        reported: what the provider calls the model. It is tried second, as this provider's model alone: an endpoint does not
            choose whose prices it is measured by.
    """
    if usage.cost_usd is not None:
        return usage
    dollars = cost(model_name, usage, own)
    provider, colon, _ = model_name.partition(":")
    if dollars is None and colon and reported:
        name = f"{provider}:{reported}"
        price = own.get(name) or _listed(name, _prompt_tokens(usage))
        dollars = None if price is None else price.of(usage)
    return usage if dollars is None else replace(usage, cost_usd=dollars)


def _prompt_tokens(usage: Usage) -> int:
    return usage.input_tokens // max(1, usage.calls)


def load_prices() -> None:
    """Load the table: half a second, once. In a thread it holds up nobody; the first `cost` does it otherwise."""
    _sellers()


@cache
def _sellers() -> dict[str, Any]:
    # The bundled list itself: the package's own lookup can be switched to one that is fetched, and remembers every name for ever.
    from genai_prices.data import providers

    return {provider.id: provider for provider in providers}


def _listed(model_name: str, input_tokens: int) -> Price | None:
    found = _found(model_name) if len(model_name) <= NAME_CHARS else None
    if found is None:
        return None
    # Prices change from a date on, and for some by the hour.
    prices = found.get_prices(datetime.now(UTC))
    fields = (prices.input_mtok, prices.output_mtok, prices.cache_read_mtok)
    fresh, output, cached = (_at(price, input_tokens) for price in fields)
    if fresh is None or output is None:
        return None
    return Price(input_per_million=fresh, output_per_million=output, cached_per_million=cached)


@lru_cache(1_024)
def _found(model_name: str) -> Any:
    """The table's entry, None if there is none."""
    provider, colon, model = model_name.partition(":")
    if not colon:
        provider, model = _owner(model_name), model_name
    if provider not in _SELLERS:
        return None
    sellers = _sellers()
    seller = sellers.get(_SELLERS[provider])
    # Vertex names a model with its publisher, Gemini's own API with its collection.
    plain = model.removeprefix("google/" if provider == "vertex" else "models/")
    return seller and seller.find_model(plain, all_providers=list(sellers.values()))


def _owner(model: str) -> str:
    """The provider that alone has models with such a name."""
    owners = [name for name, known in PROVIDERS.items() if model.startswith(known.model_names or ("\0",))]
    return owners[0] if owners and not model.startswith(NOT_THEIRS) else ""


def _at(price: Any, input_tokens: int) -> float | None:
    """Per million, of a call with so long a prompt."""
    if price is None or not hasattr(price, "tiers"):
        return None if price is None else float(price)
    reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return float(reached[-1] if reached else price.base)
