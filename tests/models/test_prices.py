from __future__ import annotations

import subprocess
import sys
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.errors import ConfigError
from cellblock.models import PROVIDERS, Message, SimulatedModel, Usage
from cellblock.models.prices import _SELLERS, NAME_CHARS, Price, _at, _found, cost, load_prices, priced

TOKENS = st.integers(0, 400_000)
USAGES = st.tuples(TOKENS, TOKENS, TOKENS).map(
    lambda counts: Usage(input_tokens=max(counts[:2]), cached_tokens=min(counts[:2]), output_tokens=counts[2], calls=1)
)
USAGE = Usage(input_tokens=1_000_000, output_tokens=1_000_000, cached_tokens=250_000, calls=1)
OWN = Price(input_per_million=8, output_per_million=16, cached_per_million=4)


def test_the_table_knows_what_a_well_known_model_costs() -> None:
    # 1.25 a million, an eighth of that from the cache, 10 for output.
    usage = Usage(input_tokens=1_000_000, cached_tokens=1_000_000, calls=1)

    assert cost("openai:gpt-5", Usage(input_tokens=1_000_000, calls=1)) == pytest.approx(1.25)
    assert cost("openai:gpt-5", usage) == pytest.approx(0.125)
    assert cost("openai:gpt-5", Usage(output_tokens=1_000_000, calls=1)) == pytest.approx(10)


@pytest.mark.parametrize("provider", [name for name in _SELLERS if name in PROVIDERS] + ["azure", "bedrock", "vertex", "api.groq.com"])
@given(st.data())
def test_every_price_is_the_tables_own(provider: str, data: st.DataObject) -> None:
    import genai_prices
    from genai_prices.data import providers

    seller = next(one for one in providers if one.id == _SELLERS[provider])
    model, usage = data.draw(st.sampled_from(seller.models)).id, data.draw(USAGES)
    ours = cost(f"{provider}:{model}", usage)

    theirs = genai_prices.Usage(
        input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, cache_read_tokens=usage.cached_tokens or None
    )
    try:
        expected = genai_prices.calc_price(theirs, model, provider_id=seller.id)
    except LookupError:
        assert ours is None
        return
    if expected.model_price.input_mtok is None or expected.model_price.output_mtok is None:
        assert ours is None
    else:
        assert ours == pytest.approx(float(expected.total_price), rel=1e-9, abs=1e-12)


def test_many_short_prompts_do_not_cost_what_one_long_one_does() -> None:
    one = cost("anthropic:claude-sonnet-4-5", Usage(input_tokens=10_000, calls=1))
    assert one is not None
    assert cost("anthropic:claude-sonnet-4-5", Usage(input_tokens=1_000_000, calls=100)) == pytest.approx(100 * one)


def test_a_long_prompt_costs_what_long_prompts_cost() -> None:
    short, long = (cost("anthropic:claude-sonnet-4-5", Usage(input_tokens=tokens, calls=1)) for tokens in (200_000, 200_001))

    assert short == pytest.approx(0.6) and long == pytest.approx(1.2, rel=1e-4)


def test_of_several_steps_the_highest_one_that_was_passed_counts() -> None:
    from genai_prices.types import Tier, TieredPrices

    prices = TieredPrices(base=Decimal(1), tiers=[Tier(start=10, price=Decimal(2)), Tier(start=20, price=Decimal(3))])

    assert [_at(prices, tokens) for tokens in (0, 10, 11, 20, 21)] == [1.0, 1.0, 2.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "name",
    [
        "openai:gpt-5-imaginary",
        "gpt-oss-20b",
        "my-model",
        "",
        ":",
        "openai:",
        "ollama:gpt-5",
        "lmstudio:openai/gpt-5",
        "vllm:gpt-5",
        "huggingface:gpt-5",
        "my-openai-proxy.example:gpt-5",
        "api.openai.com.evil.example:gpt-5",
        "gpt-5:tag",
        "openrouter:meta-llama/llama-3.3-70b-instruct:free",
        "openai:ft:gpt-4o-2024-" + "x" * NAME_CHARS,
        "openai:text-embedding-3-small",
    ],
)
def test_a_price_that_is_not_known_is_none_and_never_0(name: str) -> None:
    assert cost(name, USAGE) is None
    assert priced(USAGE, name) is USAGE


@given(st.text(max_size=40), USAGES)
def test_any_name_at_all_has_a_price_or_none(name: str, usage: Usage) -> None:
    for spec in (name, f"openai:{name}", f"gemini:{name}", f"openrouter:{name}"):
        assert cost(spec, usage) is None


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("gpt-5", "openai:gpt-5"),
        ("openai:gpt-5-2025-08-07", "openai:gpt-5"),
        ("claude-sonnet-4-5", "anthropic:claude-sonnet-4-5"),
        ("gemini:models/gemini-2.5-pro", "gemini:gemini-2.5-pro"),
        ("azure:gpt-5", "openai:gpt-5"),
    ],
)
def test_names_for_the_same_thing_cost_the_same(name: str, same: str) -> None:
    assert cost(name, USAGE) == cost(same, USAGE) is not None


@pytest.mark.parametrize("key", ["openai:gpt-5", "gpt-5"])
def test_own_prices_win_over_the_table(key: str) -> None:
    assert cost("openai:gpt-5", USAGE, {key: OWN}) == 0.75 * 8 + 0.25 * 4 + 16


def test_own_prices_make_a_local_model_cost_what_they_say() -> None:
    own = {"ollama:qwen3:8b": Price(input_per_million=0, output_per_million=0), "llama3": OWN}

    assert cost("ollama:qwen3:8b", USAGE, own) == 0.0
    assert cost("gpu.example:llama3", USAGE, own) == cost("llama3", USAGE, own) == 23.0
    assert cost("ollama:qwen3:14b", USAGE, own) is None


def test_cached_input_costs_like_other_input_where_nothing_else_is_said() -> None:
    assert Price(input_per_million=8, output_per_million=16).of(USAGE) == 24


def test_a_cost_that_the_provider_or_a_double_gave_is_kept() -> None:
    usage = Usage(input_tokens=1_000, calls=1, cost_usd=0.0)

    assert priced(usage, "openai:gpt-5", {"openai:gpt-5": OWN}) is usage


def test_an_estimated_usage_has_a_cost_and_stays_an_estimate() -> None:
    usage = priced(Usage(input_tokens=1_000_000, calls=1, estimated=True), "openai:gpt-5")

    assert usage == Usage(input_tokens=1_000_000, calls=1, estimated=True, cost_usd=pytest.approx(1.25))


def test_the_reported_name_counts_where_the_adapters_has_no_price() -> None:
    assert priced(USAGE, "azure:our-deployment", reported="gpt-5-2025-08-07").cost_usd == cost("azure:gpt-5", USAGE)
    assert priced(USAGE, "azure:our-deployment", {"azure:x": OWN}, reported="x").cost_usd == 23.0
    assert priced(USAGE, "openai:gpt-5", reported="gpt-5-nano").cost_usd == cost("openai:gpt-5", USAGE)


def test_an_endpoint_does_not_choose_whose_prices_it_is_measured_by() -> None:
    own = {"cheap": Price(input_per_million=0, output_per_million=0)}

    for reported in ("gpt-5", "openai:gpt-5", "cheap"):
        assert priced(USAGE, "evil.example:model", own, reported=reported).cost_usd is None
    assert priced(USAGE, "function", own, reported="gpt-5").cost_usd is None


@pytest.mark.anyio
async def test_the_simulated_model_costs_nothing_by_its_own_account() -> None:
    model = SimulatedModel()
    usage = (await model.complete([Message("user", "hello")])).usage

    assert priced(usage, model.name, {model.name: OWN}).cost_usd == 0.0


@pytest.mark.parametrize("field", ["input_per_million", "output_per_million", "cached_per_million"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), True, "3"])
def test_a_price_that_is_no_amount_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=field):
        Price(**{"input_per_million": 1.0, "output_per_million": 1.0, field: value})


def test_the_network_is_never_touched() -> None:
    code = """
import sys
def refuse(event, args):
    if event.startswith("socket."):
        raise SystemExit(f"{event}{args}")
sys.addaudithook(refuse)
from cellblock.models import Usage
from cellblock.models.prices import cost, load_prices
assert "genai_prices" not in sys.modules
load_prices()
for name in ("openai:gpt-5", "openai:unknown", "anthropic:claude-sonnet-4-5", "unknown", "openrouter:x/y"):
    print(cost(name, Usage(input_tokens=10**6, calls=1)))
try:
    __import__("socket").create_connection(("127.0.0.1", 9))
except SystemExit:
    print("the guard works")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)

    assert (done.stdout.split("\n")[0], done.stdout.split("\n")[1], done.stderr) == ("1.25", "None", "")
    assert "the guard works" in done.stdout


def test_a_warm_lookup_takes_less_than_20_microseconds() -> None:
    load_prices()

    def once(name: str) -> float:
        started = time.perf_counter()
        for _ in range(500):
            cost(name, USAGE)
        return (time.perf_counter() - started) / 500

    for name in ("openai:gpt-5", "anthropic:claude-sonnet-4-5", "api.deepseek.com:deepseek-chat", "ollama:gpt-5", "openai:unknown"):
        assert min(once(name) for _ in range(5)) < 20e-6, name


def test_names_that_a_provider_makes_up_are_not_remembered_for_ever() -> None:
    for number in range(3_000):
        cost(f"openai:made-up-{number}", USAGE)

    assert _found.cache_info().currsize <= 1_024


def test_a_model_of_vertex_is_known_by_its_publishers_name_too() -> None:
    usage = Usage(input_tokens=1_000, output_tokens=1_000, calls=1)
    assert cost("vertex:google/gemini-2.5-pro", usage) == cost("gemini:gemini-2.5-pro", usage) is not None
