from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.errors import ConfigError
from cellblock.models import (
    AnthropicMessages,
    BedrockMessages,
    CallableModel,
    OpenAIChat,
    OpenAIResponses,
    ScriptedModel,
    SimulatedModel,
    resolve,
)
from cellblock.models.providers import PROVIDERS


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PROVIDERS.values():
        for variable in provider.key_variables:
            monkeypatch.setenv(variable, f"key-of-{variable}")
        for variable in provider.version_variables:
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.mark.parametrize(
    ("spec", "name", "kind", "address"),
    [
        ("gpt-5", "openai:gpt-5", OpenAIChat, "https://api.openai.com/v1"),
        ("o3-mini", "openai:o3-mini", OpenAIChat, "https://api.openai.com/v1"),
        ("claude-sonnet-5", "anthropic:claude-sonnet-5", AnthropicMessages, "https://api.anthropic.com"),
        ("gemini-3-pro", "gemini:gemini-3-pro", OpenAIChat, PROVIDERS["gemini"].base_url),
        ("grok-5", "xai:grok-5", OpenAIChat, "https://api.x.ai/v1"),
        ("openai:anything", "openai:anything", OpenAIChat, "https://api.openai.com/v1"),
        ("ollama:qwen3-coder:32b", "ollama:qwen3-coder:32b", OpenAIChat, "http://localhost:11434/v1"),
        ("openrouter:meta/llama-4", "openrouter:meta/llama-4", OpenAIChat, "https://openrouter.ai/api/v1"),
        ("azure:my-deployment", "azure:my-deployment", OpenAIChat, "https://mine.openai.azure.com/openai/v1/"),
        ("xai+responses:grok-5", "xai:grok-5", OpenAIResponses, "https://api.x.ai/v1"),
        ("bedrock:us.anthropic.c", "bedrock:us.anthropic.c", BedrockMessages, "https://bedrock-runtime.us-east-1.amazonaws.com"),
        ("anthropic.claude-x-v1:0", "bedrock:anthropic.claude-x-v1:0", BedrockMessages, "https://bedrock-runtime.us-east-1.amazonaws.com"),
        ("vllm:openai/gpt-oss-20b", "vllm:openai/gpt-oss-20b", OpenAIChat, "http://localhost:8000/v1"),
    ],
)
def test_a_name_leads_to_its_provider(spec: str, name: str, kind: type, address: str):
    model = resolve(spec)

    assert (model.name, type(model), model.endpoint.base_url) == (name, kind, address)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("meta-llama/Llama-4", "openrouter:meta-llama/Llama-4, huggingface:meta-llama/Llama-4, vercel:"),
        ("openai/" + "x" * 10_000, "litellm:openai/xxx"),
        ("openai+embeddings:gpt-5", "openai has no API 'embeddings'; known: openai+chat:gpt-5, openai+responses:gpt-5"),
        ("nobody+chat:gpt-5", "ollama:nobody+chat:gpt-5"),
        ("qwen3-coder:32b", "ollama:qwen3-coder:32b"),
        ("gpt-oss-20b", "ollama:gpt-oss-20b"),
        ("my-model", "openai, anthropic, gemini"),
        ("", "no model is named"),
        ("openai:", "no model is named"),
        ("opneai:gpt-5", "ollama:opneai:gpt-5"),
        ("opneai:gpt-5", "'opneai' is no provider; use provider:model with one of openai, anthropic"),
        ("x" * 10_000 + "\x1b[31m\n", "unknown"),
    ],
)
def test_an_unknown_or_ambiguous_name_lists_the_choices(spec: str, says: str):
    with pytest.raises(ConfigError) as caught:
        resolve(spec)

    assert says in str(caught.value)
    assert len(str(caught.value)) < 600 and str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("spec", "variable"), [("gpt-5", "OPENAI_API_KEY"), ("claude-x", "ANTHROPIC_API_KEY"), ("huggingface:a/b", "HF_TOKEN")]
)
def test_a_missing_key_names_its_variable(spec: str, variable: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(variable)

    with pytest.raises(ConfigError, match=variable):
        resolve(spec)


@pytest.mark.parametrize(
    ("spec", "base_url", "key"),
    [
        ("gpt-5", None, "key-of-OPENAI_API_KEY"),
        ("gpt-5", "https://api.openai.com/v1/", "none"),
        ("openai:gpt-5", "https://api.openai.com/v2", "key-of-OPENAI_API_KEY"),
        ("openai:gpt-5", "https://API.openai.com:443/v1", "key-of-OPENAI_API_KEY"),
        ("openai:gpt-5", "http://api.openai.com/v1", "none"),
        ("openai:gpt-5", "https://api.openai.com:8443/v1", "none"),
        ("openai:gpt-5", "https://api.openai.com.evil.example/v1", "none"),
        ("openai:gpt-5", "https://api.openai.com./v1", "none"),
        ("anthropic:claude-x", "https://api.openai.com/v1", "none"),
        ("my-model", "http://localhost:8000/v1", "none"),
        ("gemini:g", None, "key-of-GEMINI_API_KEY"),
        ("ollama:q", None, "none"),
    ],
)
def test_a_key_of_the_environment_belongs_to_one_origin(spec: str, base_url: str | None, key: str):
    assert resolve(spec, base_url=base_url).endpoint.key.reveal() == key


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.openai.com@evil.example/v1",
        "https://evil.example\\@api.openai.com/v1",
        "https://evil.example#api.openai.com",
        "https://evil.example?x=api.openai.com",
        "https://user:secret@host/v1",
        "ftp://host/v1",
        "host:8000/v1",
        "",
        "http://host:99999/",
        "http://ho st/",
        "http://host/\r\nX: y",
    ],
)
def test_an_address_with_more_than_an_address_in_it_is_refused(base_url: str):
    with pytest.raises(ConfigError, match="base_url") as caught:
        resolve("openai:gpt-5", base_url=base_url)

    assert "secret" not in str(caught.value) and str(caught.value).isprintable()


def test_a_key_with_a_line_break_is_refused_without_showing_it():
    with pytest.raises(ConfigError, match="key") as caught:
        resolve("openai:gpt-5", api_key="sk-secret\nX-Header: y")

    assert "secret" not in str(caught.value)


def test_an_unknown_name_with_an_address_goes_there_as_it_is():
    model = resolve("qwen3-coder:32b", base_url="http://localhost:11434/v1")

    assert (model.model, model.name) == ("qwen3-coder:32b", "localhost:qwen3-coder:32b")


def test_adapters_pass_and_functions_are_wrapped():
    scripted = ScriptedModel()

    assert resolve(scripted) is scripted
    assert isinstance(resolve(lambda prompt: prompt), CallableModel)
    with pytest.raises(ConfigError, match="not int"):
        resolve(7)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="base_url"):
        resolve(scripted, base_url="http://localhost/")


def test_the_simulated_models_settings_are_read():
    model = resolve("simulated:seed=3, syntax_error=0.1,latency_seconds=0.5")

    assert isinstance(model, SimulatedModel)
    assert (model.seed, model.shares["syntax_error"], model.latency_seconds) == (3, 0.1, 0.5)
    assert resolve("simulated").name == "simulated"


@given(seed=st.integers(-5, 2**70), share=st.floats(0, 1), latency=st.floats(0, 3600))
def test_a_simulated_models_name_makes_the_same_model(seed: int, share: float, latency: float):
    model = SimulatedModel(seed, name_error=share, latency_seconds=latency)

    again = resolve(model.name)

    assert (again.name, again.seed, again.shares) == (model.name, model.seed, model.shares)


@pytest.mark.parametrize(
    "settings", ["speed=1", "seed", "seed=x", "syntax_error=2", "syntax_error=nan", "latency_seconds=-1", "latency_seconds=inf"]
)
def test_a_wrong_setting_of_the_simulated_model_is_named(settings: str):
    with pytest.raises(ConfigError, match="simulated"):
        resolve("simulated:" + settings)


def test_importing_the_models_loads_no_sdk_and_no_server():
    heavy = "{'openai', 'anthropic', 'httpx2', 'httpx', 'boto3', 'botocore', 'uvicorn', 'starlette', 'pydantic'}"
    code = f"import sys, cellblock.models; print(sorted({heavy} & {{name.partition('.')[0] for name in sys.modules}}))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "[]\n"
