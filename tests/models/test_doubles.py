"""Scripted models, functions as models, and what retries and redaction promise."""

from __future__ import annotations

import pickle
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.errors import ConfigError, ModelRefused, ModelUnavailable
from cellblock.models import CallableModel, Message, ModelResponse, RetryPolicy, ScriptedModel, Secret, SimulatedModel, Usage
from cellblock.models.redact import one_line
from cellblock.models.retry import Failed, asked_wait, can_help, with_retries

pytestmark = pytest.mark.anyio

HELLO = [Message("user", "hello (you)")]
ENDLESS_DATES = ("Mon, 01 Jan 9999999999999 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 +99999999999999999999")


async def test_a_script_is_read_line_by_line_and_calls_are_recorded():
    model = ScriptedModel(
        ["one", ModelResponse(text="two", usage=Usage(calls=1), model="x"), lambda messages: messages[-1].content.upper()]
    )

    texts = [(await model.complete(HELLO, max_tokens=9)).text for _ in range(3)]

    assert texts == ["one", "two", "HELLO (YOU)"]
    assert (model.calls[0].prompt, model.calls[2].max_tokens, model.remaining) == ("hello (you)", 9, 0)


async def test_rules_win_over_the_script_and_the_first_one_wins():
    model = ScriptedModel(["from the script"]).add_rule("(you)", "literal").add_rule(r"h.llo", "regex", regex=True)

    assert (await model.complete(HELLO)).text == "literal"
    assert (await model.complete([Message("user", "hallo")])).text == "regex"
    assert (await model.complete([Message("user", "else")])).text == "from the script"


async def test_a_used_up_script_refuses_in_one_line_that_quotes_the_prompt():
    with pytest.raises(ModelRefused, match=r"the script of 0 is used up at call 1 and no rule fits: 'hello \(you\)'"):
        await ScriptedModel().complete(HELLO)


def test_a_script_that_is_one_text_is_refused():
    with pytest.raises(ConfigError, match="a list of answers is needed"):
        ScriptedModel("FINAL: yes")


async def test_a_fallback_answers_for_ever_and_an_exception_in_the_script_is_raised():
    model = ScriptedModel([ModelUnavailable("down")], fallback="still here")

    with pytest.raises(ModelUnavailable, match="down"):
        await model.complete(HELLO)
    assert [(await model.complete(HELLO)).text for _ in range(3)] == ["still here"] * 3


async def test_a_function_gets_one_text_and_runs_in_a_thread():
    def model(prompt: str) -> str:
        return f"{prompt} in {threading.current_thread() is threading.main_thread()}"

    answer = await CallableModel(model).complete([Message("system", "be brief"), *HELLO])

    assert answer.text == "system: be brief\n\nuser: hello (you) in False"
    assert (answer.usage.estimated, answer.usage.calls, answer.model) == (True, 1, "model")


async def test_a_function_of_messages_gets_messages():
    async def chat(messages: list[Message]) -> str:
        return messages[-1].content

    class Callable:
        async def __call__(self, messages: list[Message]) -> str:
            return messages[0].role

    assert (await CallableModel(chat).complete(HELLO)).text == "hello (you)"
    assert (await CallableModel(Callable()).complete(HELLO)).text == "user"


async def test_a_function_gets_max_tokens_and_sampling_if_it_has_parameters_for_them():
    def model(prompt: str, *, max_tokens: int = 7, sampling: dict[str, float] | None = None) -> str:
        return f"{max_tokens} {sampling}"

    plain, warm = CallableModel(model), CallableModel(model, sampling={"temperature": 0.5})

    assert (await plain.complete(HELLO)).text == "7 None"
    assert (await warm.complete(HELLO, max_tokens=9)).text == "9 {'temperature': 0.5}"
    assert (await warm.complete(HELLO, sampling={"seed": 1})).text == "7 {'seed': 1}"
    with pytest.raises(ConfigError, match="no parameter `sampling`"):
        CallableModel(lambda prompt: prompt, sampling={"temperature": 0.5})


async def test_a_script_may_hold_responses_and_functions_that_make_them():
    whole = ModelResponse(text="whole", usage=Usage(input_tokens=9, output_tokens=2, cached_tokens=3, calls=1, cost_usd=0.5), model="x")
    model = ScriptedModel([whole, lambda messages: whole], fallback=whole).add_rule("rule", whole)

    answers = [await model.complete(HELLO) for _ in range(3)]

    assert [*answers, await model.complete([Message("user", "rule")])] == [whole] * 4


async def test_a_scripted_call_is_recorded_with_the_default_sampling():
    model = ScriptedModel(["a", "b"], sampling={"temperature": 0.5})

    await model.complete(HELLO)
    await model.complete(HELLO, sampling={"seed": 1})

    assert [call.sampling for call in model.calls] == [{"temperature": 0.5}, {"seed": 1}]
    with pytest.raises(ConfigError, match="RunLimits"):
        ScriptedModel(sampling={"max_tokens": 5})


def test_code_is_never_taken_for_other_code_unless_a_version_names_it():
    def function(prompt: str) -> str:
        return prompt

    def identities(**more: str) -> set[str]:
        return {CallableModel(function, **more).identity for _ in range(2)}

    assert len(identities()) == 2 and len({ScriptedModel(["a"]).identity for _ in range(2)}) == 2
    assert len(identities(version="1")) == 1 and not identities(version="1") & identities(version="2")
    model = ScriptedModel(["a"])
    assert model.identity == model.identity


def test_a_simulated_model_is_what_its_seed_and_faults_are():
    same, seed, faults = SimulatedModel(1), SimulatedModel(2), SimulatedModel(1, name_error=0.5)

    assert SimulatedModel(1, latency_seconds=1).identity == same.identity
    assert len({same.identity, seed.identity, faults.identity}) == 3


async def test_a_function_that_raises_is_unavailable_with_its_cause():
    with pytest.raises(ModelUnavailable, match=r"<lambda> raised ZeroDivisionError: division by zero") as caught:
        await CallableModel(lambda prompt: str(1 / 0)).complete(HELLO)

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_a_function_that_returns_no_text_is_refused():
    with pytest.raises(ModelRefused, match="returned int, not str"):
        await CallableModel(lambda prompt: 7).complete(HELLO)


async def test_a_cancelled_function_is_left_behind_at_once():
    release = threading.Event()
    with anyio.move_on_after(0.05) as scope:
        await CallableModel(lambda prompt: str(release.wait(30))).complete(HELLO)
    release.set()

    assert scope.cancelled_caught


async def test_a_simulated_answer_is_cut_at_max_tokens_and_free():
    answer = await SimulatedModel().complete(HELLO, max_tokens=5)

    assert (len(answer.text), answer.model, answer.usage.cost_usd, answer.usage.estimated) == (20, "simulated", 0.0, True)


@pytest.mark.parametrize(
    ("status", "kind"), [(408, ""), (409, ""), (429, ""), (500, ""), (529, ""), (None, "overloaded_error"), (200, "overloaded_error")]
)
def test_these_failures_are_tried_again(status: int | None, kind: str):
    assert can_help(status, kind)


@pytest.mark.parametrize(("status", "kind"), [(400, ""), (401, ""), (404, ""), (429, "insufficient_quota"), (None, ""), (200, "other")])
def test_these_failures_are_not_tried_again(status: int | None, kind: str):
    assert not can_help(status, kind)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "x", "retry-after": "2"}, 2.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_the_wait_that_is_asked_for(headers: dict[str, str], seconds: float | None):
    assert asked_wait(headers) == seconds


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "soon", "Wed, 99 Foo 2024", "\x00", *ENDLESS_DATES])
def test_a_wait_that_makes_no_sense_is_none(value: str):
    assert asked_wait({"retry-after": value}) is None


def test_a_date_to_wait_for_is_a_time_from_now():
    wait = asked_wait({"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=90))})

    assert wait is not None and 80 < wait <= 90


async def test_retries_stop_at_the_first_failure_that_cannot_be_helped():
    seen: list[int] = []

    async def call() -> str:
        seen.append(1)
        raise Failed(ModelUnavailable("no"), again=len(seen) < 3)

    with pytest.raises(ModelUnavailable) as caught:
        await with_retries(call, RetryPolicy(attempts=9, wait_initial_seconds=0.001))

    assert len(seen) == 3 and caught.value.__context__ is None


@pytest.mark.parametrize("field", ["attempts", "wait_initial_seconds", "wait_max_seconds", "total_seconds"])
def test_no_retry_setting_can_be_switched_off(field: str):
    with pytest.raises(ConfigError):
        RetryPolicy(**{field: 0})
    with pytest.raises(ConfigError):
        RetryPolicy(**{field: float("inf")})
    with pytest.raises(ConfigError, match=f"{field}=None: limits cannot be switched off"):
        RetryPolicy(**{field: None})


def test_a_secret_shows_itself_nowhere_and_is_not_pickled():
    secret = Secret("sk-0123456789")

    assert "0123" not in repr(secret) + str(secret) + f"{secret}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@given(before=st.text(max_size=5_000), between=st.text(max_size=4_100), after=st.text(max_size=20))
def test_one_line_is_short_printable_and_without_the_key(before: str, between: str, after: str):
    key = "sk-0123456789abcdefghij"

    line = one_line(before + key + between + key + after, secrets=[Secret(key)])

    assert len(line) <= 300 and "\n" not in line
    assert key[:12] not in line


@given(padding=st.integers(0, 120), keys=st.integers(1, 400))
def test_many_keys_in_a_row_leave_no_half_key(padding: int, keys: int):
    key = "sk-0123456789abcdefghij" + "k" * 200

    assert "0123" not in one_line("x" * padding + key * keys, secrets=[Secret(key)])


@pytest.mark.anyio
async def test_a_function_that_wants_to_end_the_process_fails_like_a_model() -> None:
    def leave(prompt: str) -> str:
        raise SystemExit(3)

    with pytest.raises(ModelUnavailable, match="raised SystemExit: 3"):
        await CallableModel(leave).complete([Message("user", "x")])
