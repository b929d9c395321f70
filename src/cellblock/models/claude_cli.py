"""The `claude` command as a model: one process a call, without tools, settings or history."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import anyio
import msgspec

from ..errors import ConfigError
from .failures import Failures
from .identity import identity_text
from .protocol import Message, ModelResponse
from .rates import Rates
from .redact import Secret
from .remote import attempted
from .replies import ANSWER_BYTES, ERROR_BYTES, ErrorBody, Malformed, decode, estimate, given_usages, messages_usage, plain_extras
from .retry import RetryPolicy
from .subprocesses import Command, Finished, TooLong, finished

PARALLEL = Rates(parallel=4)
"""Each call is a process of some hundred megabytes."""
_KEYS = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "CLAUDE_CONFIG_DIR")
_SET = {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/\[\]-]{0,199}")
# The prompt holds what cells and documents say, so the command gets nothing to act with: no tools, servers, hooks, skills or files.
# A version that does not know one of these refuses to start.
_OPTIONS = (
    *("-p", "--output-format", "json", "--tools", "", "--strict-mcp-config", "--setting-sources", ""),
    *("--disable-slash-commands", "--no-session-persistence"),
)
_NOTE = "The input is a conversation, each turn headed by its role. Write the next turn of the assistant, and nothing but its text."
# `@path` makes the command read that file into the prompt, without any tool (version 2.1.197 does): a cell could send any file of the
# host to the model. With an invisible character in between it is no path of any file.
_MENTION = re.compile(r"(?<![A-Za-z0-9_])@(?=\S)")


class _Result(msgspec.Struct):
    type: str = ""
    subtype: str | None = None
    is_error: bool = False
    result: str | None = None
    api_error_status: int | None = None
    total_cost_usd: Annotated[float, msgspec.Meta(ge=0, le=1e6)] | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")
    model_usage: dict[str, msgspec.Raw] | None = msgspec.field(default=None, name="modelUsage")
    session_id: str | None = None


class ClaudeCLI:
    """A model behind the `claude` command, with that command's own login.

    The command runs without a shell, in an empty folder, with `PATH`, `HOME` and what it needs to log in of the environment as it is
    now; its process group ends with the call. It takes no sampling settings.

    Args:
        model: as the command calls it, such as `sonnet`.
        command: its name on `PATH`, or its path.
        timeout_seconds: of one attempt.
        rates: how often and how many at once.

    Raises:
        ConfigError: the command is not there, or the model's name cannot be one.
    """

    def __init__(
        self,
        model: str,
        *,
        command: str = "claude",
        timeout_seconds: float = 600.0,
        retry: RetryPolicy | None = None,
        rates: Rates = PARALLEL,
    ) -> None:
        if not _MODEL.fullmatch(model):
            raise ConfigError(f"claude-cli: {model[:80]!r} is no name of a model; use one such as claude-cli:sonnet")
        if not 0 < timeout_seconds < float("inf"):
            raise ConfigError(f"timeout_seconds={timeout_seconds!r}: must be finite and greater than 0")
        self.model, self.name = model, f"claude-cli:{model}"
        self.timeout_seconds, self.retry, self.rates = timeout_seconds, retry or RetryPolicy(), rates
        self._command = _found(command)
        self._keys = {name: Secret(os.environ[name]) for name in _KEYS if os.environ.get(name)}
        self._failures = Failures("claude-cli", tuple(self._keys.values()))
        self._closed = False

    def __repr__(self) -> str:
        """The name and the command."""
        return f"ClaudeCLI({self.name!r} by {self._command})"

    @property
    def identity(self) -> str:
        """All that shapes its answers besides messages and `max_tokens`, for a cache's key."""
        return identity_text("ClaudeCLI", self._command, self.model)

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, object] | None = None
    ) -> ModelResponse:
        """Ask once, with retries; `sampling` has no effect. Cancellable at any point: the command and all it started are killed.

        Raises:
            ModelUnavailable: no usable answer after the retries.
            ModelRefused: the command said no.
            ConfigError: the adapter was closed.
        """
        if self._closed:
            raise ConfigError("this model adapter was closed; build another")
        tokens = estimate(messages, "").input_tokens + (max_tokens or 0)
        return await attempted(partial(self._attempt, messages, max_tokens), self.retry, self.rates, self.name, tokens)

    async def _attempt(self, messages: Sequence[Message], max_tokens: int | None) -> ModelResponse:
        with tempfile.TemporaryDirectory(prefix="cellblock-claude-") as folder:
            command = self._command_for(_system_file(Path(folder), messages), max_tokens)
            try:
                with anyio.fail_after(self.timeout_seconds):
                    done = await finished(command, _turns(messages))
            except TooLong as error:
                raise self._failures.unavailable(f"answered something that was not read: {error}") from None
            except OSError as error:
                raise self._failures.connection(error) from None
        return self._response(done, messages)

    def _command_for(self, prompt: Path, max_tokens: int | None) -> Command:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        kept |= {name: key.reveal() for name, key in self._keys.items()}
        limit = {} if max_tokens is None else {"CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(max_tokens)}
        return Command(
            arguments=(self._command, *_OPTIONS, "--model", self.model, "--system-prompt-file", str(prompt)),
            environment={**kept, **_SET, **limit},
            folder=prompt.parent,
            stdout_bytes=ANSWER_BYTES,
            stderr_bytes=ERROR_BYTES,
        )

    def _response(self, done: Finished, messages: Sequence[Message]) -> ModelResponse:
        try:
            said = _result(done.stdout)
        except Malformed as error:
            if done.status == 0:
                raise self._failures.malformed(error) from None
            raise self._failures.unavailable(f"ended with status {done.status}: {done.stderr.decode('utf-8', 'replace')}") from None
        usage = messages_usage(given_usages([said.usage])) or estimate(messages, said.result or "")
        usage = replace(usage, cost_usd=said.total_cost_usd)
        if said.is_error or done.status != 0:
            failed = self._failures.in_answer(ErrorBody(message=said.result, type=said.subtype, code=said.api_error_status))
            failed.error.usage = None if usage.estimated else usage
            raise failed
        if said.result is None:
            raise self._failures.refused(f"gave no text ({said.subtype or 'no reason given'}): change the prompt", usage)
        text = self._failures.clean(said.result)
        model = next(iter(said.model_usage)) if said.model_usage and len(said.model_usage) == 1 else self.model
        extras = plain_extras(id=said.session_id, finish_reason=said.subtype)
        return ModelResponse(text=text, usage=usage, model=self._failures.line(model), raw=extras)

    async def aclose(self) -> None:
        """Refuse further calls; those that are running end by themselves."""
        self._closed = True


def _found(command: str) -> str:
    path = shutil.which(command)
    if path is None:
        raise ConfigError(
            f"no command {command[:200]!r} on PATH: install Claude Code and log in, or use anthropic:MODEL with ANTHROPIC_API_KEY"
        )
    return str(Path(path).absolute())


def _system_file(folder: Path, messages: Sequence[Message]) -> Path:
    """A file, since everybody on the machine can read the arguments of a command."""
    path = folder / "system"
    texts = [_NOTE, *(message.content for message in messages if message.role == "system")]
    path.write_text("\n\n".join(texts), encoding="utf-8", errors="replace")
    return path


def _turns(messages: Sequence[Message]) -> bytes:
    """The turns, each headed by its role: the head keeps a turn from being taken for a command such as `/init`."""
    turns = [f"{message.role}: {message.content}" for message in messages if message.role != "system"]
    return _MENTION.sub("@\u2060", "\n\n".join(turns)).encode("utf-8", "replace")


def _result(stdout: bytes) -> _Result:
    said = decode(stdout, _Result | list[_Result])  # type: ignore[arg-type]
    results = [one for one in (said if isinstance(said, list) else [said]) if one.type == "result"]
    if not results:
        raise Malformed("JSON without a result")
    return results[-1]
