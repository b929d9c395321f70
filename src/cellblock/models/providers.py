"""The providers that are known by name: one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """One provider's address and key."""

    api: Literal["chat", "messages"]
    base_url: str
    key_variables: tuple[str, ...] = ()
    """Environment variables that may hold its key, the first one preferred. Empty: it needs none."""
    model_names: tuple[str, ...] = ()
    """Starts of model names that are this provider's alone."""


PROVIDERS: dict[str, Provider] = {
    "openai": Provider(
        api="chat",
        base_url="https://api.openai.com/v1",
        key_variables=("OPENAI_API_KEY",),
        model_names=("gpt-", "chatgpt-", "o1", "o3", "o4"),
    ),
    "anthropic": Provider(
        api="messages", base_url="https://api.anthropic.com", key_variables=("ANTHROPIC_API_KEY",), model_names=("claude-",)
    ),
    "gemini": Provider(
        api="chat",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai/",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        model_names=("gemini-",),
    ),
    "xai": Provider(api="chat", base_url="https://api.x.ai/v1", key_variables=("XAI_API_KEY",), model_names=("grok-",)),
    "openrouter": Provider(api="chat", base_url="https://openrouter.ai/api/v1", key_variables=("OPENROUTER_API_KEY",)),
    "huggingface": Provider(api="chat", base_url="https://router.huggingface.co/v1", key_variables=("HF_TOKEN",)),
    "ollama": Provider(api="chat", base_url="http://localhost:11434/v1"),
    "lmstudio": Provider(api="chat", base_url="http://localhost:1234/v1"),
    "vllm": Provider(api="chat", base_url="http://localhost:8000/v1"),
}

NOT_THEIRS = ("gpt-oss",)
"""Open weights whose names begin like a provider's: many serve them."""
SEVERAL_VENDORS = ("openrouter", "huggingface", "vllm", "lmstudio")
"""Providers whose model names look like `vendor/model`."""
LOCAL = ("ollama", "lmstudio", "vllm")
