"""Language models behind one contract. Importing this loads no SDK; the first request does."""

from .anthropic_messages import AnthropicMessages
from .callables import CallableModel
from .endpoint import Endpoint
from .openai_chat import OpenAIChat
from .protocol import Message, ModelAdapter, ModelResponse, Usage
from .providers import PROVIDERS, Provider
from .redact import Secret
from .retry import RetryPolicy
from .routing import resolve
from .scripted import ScriptedCall, ScriptedModel
from .simulated import DEMO_QUESTION, SimulatedModel

__all__ = [
    "DEMO_QUESTION",
    "PROVIDERS",
    "AnthropicMessages",
    "CallableModel",
    "Endpoint",
    "Message",
    "ModelAdapter",
    "ModelResponse",
    "OpenAIChat",
    "Provider",
    "RetryPolicy",
    "ScriptedCall",
    "ScriptedModel",
    "Secret",
    "SimulatedModel",
    "Usage",
    "resolve",
]
