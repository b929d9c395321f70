"""Every row of the table: its address, its way of showing a key, and that the key goes nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loopback import serving

from cellblock.errors import ConfigError
from cellblock.models import (
    PROVIDERS,
    AnthropicMessages,
    AwsAuth,
    BedrockMessages,
    ClaudeCLI,
    Message,
    OpenAIChat,
    OpenAIResponses,
    Provider,
    resolve,
)

from .fake_claude import install
from .fake_provider import TEXT, FakeProvider

pytestmark = pytest.mark.anyio

ASK = [Message("user", "Hello")]
PLACES = {
    "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/",
    "AWS_REGION": "eu-west-1",
    "VERTEX_PROJECT": "my-project",
    "VERTEX_LOCATION": "europe-west4",
}
ADDRESSES = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/openai/",
    "xai": "https://api.x.ai/v1",
    "azure": "https://mine.openai.azure.com/openai/v1/",
    "bedrock": "https://bedrock-runtime.eu-west-1.amazonaws.com",
    "vertex": "https://europe-west4-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west4/endpoints/openapi",
    "openrouter": "https://openrouter.ai/api/v1",
    "huggingface": "https://router.huggingface.co/v1",
    "vercel": "https://ai-gateway.vercel.sh/v1",
    "portkey": "https://api.portkey.ai/v1",
    "litellm": "http://localhost:4000/v1",
    "ollama": "http://localhost:11434/v1",
    "lmstudio": "http://localhost:1234/v1",
    "vllm": "http://localhost:8000/v1",
    "claude-cli": "",
}
CLASSES = {
    "chat": OpenAIChat,
    "responses": OpenAIResponses,
    "messages": AnthropicMessages,
    "bedrock": BedrockMessages,
    "claude-cli": ClaudeCLI,
}
ENDS = {"chat": "/chat/completions", "responses": "/responses", "messages": "/v1/messages", "bedrock": "/invoke-with-response-stream"}
OVER_HTTP = [name for name in PROVIDERS if name != "claude-cli"]
ROWS = [(name, api) for name in PROVIDERS for api in PROVIDERS[name].apis]
HTTP_ROWS = [(name, api) for name, api in ROWS if api != "claude-cli"]


def variables(provider: Provider) -> list[str]:
    places = [name for place in provider.places.values() for name in place.variables]
    return [*provider.key_variables, *provider.version_variables, *provider.header_variables.values(), *places]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for provider in PROVIDERS.values():
        for name in variables(provider):
            monkeypatch.delenv(name, raising=False)
        for name in provider.key_variables:
            monkeypatch.setenv(name, f"key-of-{name}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "CELLBLOCK_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in PLACES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{install(tmp_path)}:/usr/bin:/bin")


@pytest.fixture
def served() -> Iterator[tuple[str, FakeProvider]]:
    fake = FakeProvider()
    with serving(fake.app) as base:
        yield base, fake


def test_the_table_is_the_one_that_is_tested_here():
    assert list(ADDRESSES) == sorted(ADDRESSES, key=list(PROVIDERS).index) and set(ADDRESSES) == set(PROVIDERS)


@pytest.mark.parametrize(("name", "api"), ROWS)
def test_a_row_makes_the_adapter_of_its_api_at_its_address(name: str, api: str):
    model = resolve(f"{name}+{api}:m")

    assert type(model) is CLASSES[api] and model.name == f"{name}:m"
    assert type(resolve(f"{name}:m")) is CLASSES[PROVIDERS[name].apis[0]]
    if api != "claude-cli":
        assert model.endpoint.base_url == ADDRESSES[name]
        needed = PROVIDERS[name].key_variables
        assert model.endpoint.key.reveal() == (f"key-of-{needed[0]}" if needed else "none")


@pytest.mark.parametrize(("name", "api"), HTTP_ROWS)
async def test_a_row_is_asked_with_its_key_in_its_header_and_nothing_else(
    served: tuple[str, FakeProvider], name: str, api: str, monkeypatch: pytest.MonkeyPatch
):
    base, fake = served
    at_home = re.sub(r"^(https?://[^/]+|\{endpoint\})", base, PROVIDERS[name].base_url)
    monkeypatch.setitem(PROVIDERS, name, replace(PROVIDERS[name], base_url=at_home))
    monkeypatch.setenv("PORTKEY_PROVIDER", "openai")

    model = resolve(f"{name}+{api}:m", sampling={"temperature": 0.5})
    said = await model.complete(ASK)
    await model.aclose()

    (seen,) = fake.seen
    row, key = PROVIDERS[name], f"key-of-{PROVIDERS[name].key_variables[0]}" if PROVIDERS[name].key_variables else "none"
    assert said.text == TEXT and seen.body["temperature"] == 0.5
    assert seen.path.endswith(ENDS[api]) and seen.path.startswith(at_home.removeprefix(base).split("{")[0].rstrip("/"))
    assert seen.headers[row.auth.header] == row.auth.prefix + key
    assert ("authorization" in seen.headers) == (row.auth.header == "authorization")
    assert str(seen).count("key-of-") == bool(row.key_variables)
    assert seen.headers.get("x-portkey-provider") == ("openai" if name == "portkey" else None)


@pytest.mark.parametrize(("name", "api"), HTTP_ROWS)
async def test_no_key_of_a_row_goes_to_another_host(served: tuple[str, FakeProvider], name: str, api: str, monkeypatch: pytest.MonkeyPatch):
    base, fake = served
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(variable, f"key-of-{variable}")
    monkeypatch.setenv("PORTKEY_PROVIDER", "key-of-PORTKEY_PROVIDER")

    model = resolve(f"{name}+{api}:m", base_url=base)
    await model.complete(ASK)
    await model.aclose()

    assert "key-of" not in str(fake.seen)
    header, prefix = PROVIDERS[name].auth.header, PROVIDERS[name].auth.prefix
    assert [seen.headers[header] for seen in fake.seen] == [f"{prefix}none"]
    assert model.name == "127.0.0.1:m"


@pytest.mark.parametrize("name", OVER_HTTP)
def test_a_missing_key_names_every_variable_that_may_hold_it(name: str, monkeypatch: pytest.MonkeyPatch):
    for variable in PROVIDERS[name].key_variables:
        monkeypatch.delenv(variable)
    if not PROVIDERS[name].key_variables or not PROVIDERS[name].key_needed:
        assert resolve(f"{name}:m").endpoint.key.reveal() == "none"
        return
    with pytest.raises(ConfigError) as caught:
        resolve(f"{name}:m")

    assert all(variable in str(caught.value) for variable in PROVIDERS[name].key_variables)
    assert "or give api_key=" in str(caught.value)


@pytest.mark.parametrize(("name", "part"), [(name, part) for name in PROVIDERS for part in PROVIDERS[name].places])
def test_a_missing_part_of_an_address_names_its_variables_and_an_example(name: str, part: str, monkeypatch: pytest.MonkeyPatch):
    place = PROVIDERS[name].places[part]
    for variable in place.variables:
        monkeypatch.delenv(variable, raising=False)

    with pytest.raises(ConfigError) as caught:
        resolve(f"{name}:m")

    assert f"{name} needs its {part}: set {' or '.join(place.variables)}, such as {place.example}" == str(caught.value)


@pytest.mark.parametrize(("name", "part"), [(name, part) for name in PROVIDERS for part in PROVIDERS[name].places])
@pytest.mark.parametrize(
    "value", ["x.evil.example/", "evil.example#", "a@evil.example", "https://u:pass@evil.example", "a b", "..", "x\r\ny", "{m}"]
)
def test_a_part_of_an_address_cannot_move_the_key_to_another_host(name: str, part: str, value: str, monkeypatch: pytest.MonkeyPatch):
    variable = PROVIDERS[name].places[part].variables[0]
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigError) as caught:
        resolve(f"{name}:m")

    assert variable in str(caught.value) and "pass" not in str(caught.value) and str(caught.value).isprintable()


def test_an_api_that_a_provider_has_not_is_refused_with_those_it_has():
    with pytest.raises(ConfigError, match=r"anthropic has no API 'responses'; known: anthropic\+messages:m"):
        resolve("anthropic+responses:m")
    with pytest.raises(ConfigError, match=r"known: xai\+chat:g, xai\+responses:g"):
        resolve("xai+:g")


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("https://mine.openai.azure.com", "https://mine.openai.azure.com/openai/v1/"),
        ("https://mine.openai.azure.com/openai/v1/", "https://mine.openai.azure.com/openai/v1/"),
        ("https://mine.openai.azure.com/openai", "https://mine.openai.azure.com/openai/v1/"),
        ("http://localhost:8080", "http://localhost:8080/openai/v1/"),
    ],
)
def test_azures_address_is_made_of_what_its_portal_shows(endpoint: str, address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint)

    assert resolve("azure:m").endpoint.base_url == address


@pytest.mark.parametrize(
    ("spec", "version", "path"),
    [
        ("azure:dep-1", "2024-10-21", "/openai/deployments/dep-1/chat/completions"),
        ("azure+responses:dep-1", "2025-03-01-preview", "/openai/responses"),
        ("azure:dep-1", "preview", "/openai/v1/chat/completions"),
        ("azure+responses:dep-1", "", "/openai/v1/responses"),
    ],
)
async def test_azure_with_a_dated_version_is_asked_at_the_deployment(
    served: tuple[str, FakeProvider], spec: str, version: str, path: str, monkeypatch: pytest.MonkeyPatch
):
    base, fake = served
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", base)
    monkeypatch.setenv("AZURE_OPENAI_API_VERSION", version)

    model = resolve(spec)
    await model.complete(ASK, max_tokens=50)
    await model.aclose()

    (seen,) = fake.seen
    assert (seen.path, seen.query) == (path, f"api-version={version}" if version else "")
    assert seen.headers["api-key"] == "key-of-AZURE_OPENAI_API_KEY" and "authorization" not in seen.headers
    assert seen.body["model"] == "dep-1" and (seen.body.get("max_completion_tokens") or seen.body.get("max_output_tokens")) == 50


@pytest.mark.parametrize(
    ("host", "limit"),
    [
        ("x.openai.azure.com", "max_completion_tokens"),
        ("x.services.ai.azure.com", "max_completion_tokens"),
        ("openai.azure.com.example.org", "max_tokens"),
    ],
)
async def test_azure_at_an_address_of_its_own_takes_the_new_name_of_the_bound(host: str, limit: str, monkeypatch: pytest.MonkeyPatch):
    model = resolve("azure:m", base_url=f"https://{host}/openai/v1/", api_key="k")
    bodies: list[dict[str, Any]] = []

    async def asked(body: dict[str, Any], *_: object) -> None:
        bodies.append(body)

    monkeypatch.setattr(model, "_ask", asked)
    await model.complete(ASK, max_tokens=50)
    await model.aclose()

    assert {name: value for name, value in bodies[0].items() if name.startswith("max_")} == {limit: 50}


@pytest.mark.parametrize("deployment", ["../../x", "a/b", "a?b", "a b", "%2e"])
def test_a_deployment_is_no_path(deployment: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_OPENAI_API_VERSION", "2024-10-21")

    with pytest.raises(ConfigError, match="no name of a deployment"):
        resolve(f"azure:{deployment}")


def test_a_key_of_azures_environment_belongs_to_the_endpoint_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    home = resolve("azure:m", base_url="https://mine.openai.azure.com/openai/v1")
    away = resolve("azure:m", base_url="https://other.openai.azure.com/openai/v1")
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT")
    unknown = resolve("azure:m", base_url="https://mine.openai.azure.com/openai/v1")

    assert [model.endpoint.key.reveal() for model in (home, away, unknown)] == ["key-of-AZURE_OPENAI_API_KEY", "none", "none"]


async def test_bedrock_is_signed_with_the_credentials_of_the_environment(served: tuple[str, FakeProvider], monkeypatch: pytest.MonkeyPatch):
    base, fake = served
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK")
    for name, value in {"ACCESS_KEY_ID": "AKIDEXAMPLE", "SECRET_ACCESS_KEY": "the-secret-key", "SESSION_TOKEN": "token/of+it="}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setitem(PROVIDERS, "bedrock", replace(PROVIDERS["bedrock"], base_url=base))

    model = resolve("eu.anthropic.claude-x-v1:0")
    said = await model.complete(ASK)
    await model.aclose()

    (seen,) = fake.seen
    assert said.text == TEXT and isinstance(model.endpoint.auth, AwsAuth)
    assert seen.path == "/model/eu.anthropic.claude-x-v1:0/invoke-with-response-stream"
    assert "Credential=AKIDEXAMPLE/" in seen.headers["authorization"] and "/eu-west-1/bedrock/" in seen.headers["authorization"]
    assert seen.body["anthropic_version"] and "the-secret-key" not in str(seen)
    for secret in ("the-secret-key", "token/of+it=", "AKIDEXAMPLE"):
        assert secret not in repr(vars(model)) + repr(model) + model.identity


def test_bedrock_without_credentials_says_which_are_needed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")

    with pytest.raises(ConfigError, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        resolve("bedrock:m")


@pytest.mark.parametrize("model", ["..", ".", "a b", "a\nb", ";x", "a?b", "%2e%2e", "x" * 3000])
def test_an_id_of_bedrock_is_no_path_of_another_kind(model: str):
    with pytest.raises(ConfigError, match="no id of a model"):
        resolve(f"bedrock:{model}")


def test_vertex_at_no_region_has_another_host(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VERTEX_LOCATION", "global")
    model = resolve("vertex:google/gemini-3-pro")

    assert model.endpoint.base_url == "https://aiplatform.googleapis.com/v1/projects/my-project/locations/global/endpoints/openapi"
    assert resolve("vertex:m", base_url="https://aiplatform.googleapis.com/x").endpoint.key.reveal() == "key-of-VERTEX_ACCESS_TOKEN"


def test_claude_cli_takes_no_address_key_or_sampling():
    for more in ({"base_url": "http://h/"}, {"api_key": "k"}, {"sampling": {"temperature": 1}}):
        with pytest.raises(ConfigError, match=next(iter(more))):
            resolve("claude-cli:sonnet", **more)


def test_sampling_goes_with_a_models_name():
    assert resolve("gpt-5", sampling={"temperature": 0.5}).sampling == {"temperature": 0.5}
    assert resolve("m", base_url="http://h/", sampling={"seed": 1}).sampling == {"seed": 1}
    for spec in ("simulated", lambda prompt: prompt):
        with pytest.raises(ConfigError, match="sampling"):
            resolve(spec, sampling={"temperature": 0.5})
    with pytest.raises(ConfigError, match="RunLimits"):
        resolve("gpt-5", sampling={"max_tokens": 5})
