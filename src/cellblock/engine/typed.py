"""Typed answers: what a final answer has to be, told to the model as JSON Schema and checked before the answer is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from ..errors import ConfigError
from ..values import Value
from .json_text import decoded
from .untrusted import MANY_PROBLEMS, Work, refused

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ANSWER_CHARS = 4_000_000
"""Longest text that is read as JSON."""
_PROBLEMS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """An answer after the check."""

    value: Value
    """As plain data."""
    output: object
    """As the type that was asked for."""
    problem: str | None = None
    """Why it does not fit, for the model; None if it does."""


class AnswerType(Protocol):
    """What a final answer has to be."""

    @property
    def told(self) -> str:
        """For the prompt: a JSON Schema as JSON; empty if anything will do."""
        ...

    def check(self, value: Value) -> Checked:
        """Whether `value` is one. A text that is none is read as JSON first."""
        ...


def answer_type(wanted: object) -> AnswerType:
    """From `output_type`: None for anything, a JSON Schema as a dict, or a type that pydantic can validate.

    Raises:
        ConfigError: it is none of these.
    """
    if wanted is None:
        return Anything()
    if isinstance(wanted, Mapping):
        try:
            return SchemaType(dict(wanted))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"output_type: {error}") from None
    if isinstance(wanted, str):
        # pydantic would take it for a forward reference, and evaluate it.
        raise ConfigError(f"output_type={wanted[:60]!r}: a type is needed, not its name; a JSON Schema is given as a dict")
    return PydanticType(wanted)


class Anything:
    """No type was asked for."""

    told = ""

    def check(self, value: Value) -> Checked:
        """Always fits."""
        return Checked(value=value, output=value)


class SchemaType:
    """A JSON Schema.

    Raises:
        ValueError: it is none, or uses what is not checked here.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        from .schemas.check import Schema

        self._schema = Schema.from_value(schema)
        self.told = msgspec.json.encode(schema).decode()

    def check(self, value: Value) -> Checked:
        """The value itself, or what its text says as JSON."""
        problem = ""
        for candidate in _candidates(value):
            found = self._schema.check(candidate)
            if found is None:
                return Checked(value=candidate, output=candidate)
            problem = found
        return Checked(value=value, output=None, problem=problem)


class PydanticType:
    """A pydantic model, a dataclass, a TypedDict, `list[int]`: whatever pydantic makes of it.

    Raises:
        ConfigError: pydantic makes nothing of it.
    """

    def __init__(self, wanted: object) -> None:
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticUserError

        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", wanted))
            self._work = Work.of(self._adapter)
            self.told = msgspec.json.encode(self._adapter.json_schema()).decode()
        except (PydanticUserError, TypeError) as error:
            first = str(error).partition("\n")[0]
            raise ConfigError(f"output_type: {getattr(wanted, '__name__', repr(wanted))[:80]} cannot be checked: {first}") from None

    def check(self, value: Value) -> Checked:
        """The value validated, with pydantic's usual conversions, and as plain data once more."""
        problem: str | None = ""
        for candidate in _candidates(value):
            checked = self._validated(candidate)
            if checked.problem is None:
                return checked
            problem = checked.problem
        return Checked(value=value, output=None, problem=problem)

    def _validated(self, value: Value) -> Checked:
        from pydantic import ValidationError

        if (why := refused(value, self._work)) is not None:
            return Checked(value=value, output=None, problem=f"it is {why}")
        try:
            output = self._adapter.validate_python(value)
            return Checked(value=self._adapter.dump_python(output, mode="json"), output=output)
        except ValidationError as error:
            problem = _told(error)
        except ValueError:
            problem = "it cannot be written as JSON; bytes have to be UTF-8"
        except Exception as error:  # noqa: BLE001 - a validator of the caller's own types is foreign code
            problem = f"the check of its type failed ({type(error).__name__})"
        return Checked(value=value, output=None, problem=problem)


def _told(error: Any) -> str:
    if (count := error.error_count()) > MANY_PROBLEMS:
        return f"{count} values in it do not fit"
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(map(str, one['loc'])) or 'answer'}: {one['msg']}"[:300] for one in found[:_PROBLEMS]]
    more = len(found) - len(lines)
    return "; ".join(lines) + (f"; and {more} more" if more else "")


def _candidates(value: Value) -> list[Value]:
    """The value; and what it says, if it is a text that holds JSON. That goes last, since its problem is the one to tell."""
    if not isinstance(value, str) or len(value) > ANSWER_CHARS:
        return [value]
    text = value.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.partition("\n")[2][:-3]
    try:
        return [value, decoded(text)]
    except ValueError:
        return [value]
