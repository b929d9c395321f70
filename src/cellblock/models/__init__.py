"""Language models behind one contract. Importing this loads no SDK; the first request does."""

from .anthropic_messages import AnthropicMessages
from .auth import AwsAuth, HeaderAuth
from .bedrock import BedrockMessages
from .callables import CallableModel
from .claude_cli import ClaudeCLI
from .endpoint import Endpoint
from .generic import GenericChat
from .openai_chat import OpenAIChat
from .openai_responses import OpenAIResponses
from .protocol import Message, ModelAdapter, ModelResponse, Usage
from .providers import PROVIDERS, Provider
from .rates import Rates
from .redact import Secret
from .retry import RetryPolicy
from .routing import resolve
from .scripted import ScriptedCall, ScriptedModel
from .simulated import DEMO_QUESTION, SimulatedModel

__all__ = [
    "DEMO_QUESTION",
    "PROVIDERS",
    "AnthropicMessages",
    "AwsAuth",
    "BedrockMessages",
    "CallableModel",
    "ClaudeCLI",
    "Endpoint",
    "GenericChat",
    "HeaderAuth",
    "Message",
    "ModelAdapter",
    "ModelResponse",
    "OpenAIChat",
    "OpenAIResponses",
    "Provider",
    "Rates",
    "RetryPolicy",
    "ScriptedCall",
    "ScriptedModel",
    "Secret",
    "SimulatedModel",
    "Usage",
    "resolve",
]
