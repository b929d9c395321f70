"""The `claude` command as a model, with a command of ours in its place."""

from __future__ import annotations

import json
import os
from pathlib import Path

import anyio
import pytest

from cellblock.errors import ConfigError, ModelError, ModelRefused, ModelUnavailable
from cellblock.models import ClaudeCLI, Message, Rates, RetryPolicy, Usage, resolve

from .fake_claude import calls, install

pytestmark = pytest.mark.anyio

ASK = [Message("system", "Be brief."), Message("user", "/init"), Message("assistant", "no"), Message("user", "2+2?")]
QUICK = RetryPolicy(attempts=2, wait_initial_seconds=0.001)
KEY = "sk-ant-0123456789"


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = install(tmp_path)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "leak")
    monkeypatch.setenv("NODE_OPTIONS", "--require=leak")
    return folder


async def failure(model: str) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await ClaudeCLI(model, retry=QUICK).complete(ASK)
    assert str(caught.value).isprintable() and KEY not in str(caught.value) and caught.value.__context__ is None
    return caught.value


async def test_a_good_answer_has_text_usage_cost_and_model(bin_folder: Path):
    said = await resolve("claude-cli:sonnet").complete(ASK, max_tokens=99)

    assert (said.text, said.model, said.raw) == ("four", "claude-sonnet-9", {"id": "s1", "finish_reason": "success"})
    assert said.usage == Usage(input_tokens=17, output_tokens=3, cached_tokens=5, calls=1, cost_usd=0.25)


async def test_the_command_gets_the_prompt_on_its_input_and_nothing_to_act_with(bin_folder: Path):
    await ClaudeCLI("sonnet").complete(ASK, max_tokens=99)

    (given,) = calls(bin_folder)
    arguments = given["arguments"]
    assert given["stdin"] == "user: /init\n\nassistant: no\n\nuser: 2+2?"
    assert given["system"].endswith("Be brief.") and "Be brief." not in str(arguments)
    assert arguments[:3] == ["-p", "--output-format", "json"] and arguments[arguments.index("--tools") + 1] == ""
    assert {"--strict-mcp-config", "--setting-sources", "--disable-slash-commands", "--no-session-persistence"} <= set(arguments)
    assert given["leader"] and given["files"] == ["system"] and not Path(given["folder"]).exists()


async def test_the_command_gets_few_variables_of_the_environment(bin_folder: Path):
    await ClaudeCLI("sonnet").complete(ASK, max_tokens=99)

    (given,) = calls(bin_folder)
    environment = given["environment"]
    kept = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "CLAUDE_CONFIG_DIR", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"}
    made = {"DISABLE_AUTOUPDATER", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "CLAUDE_CODE_MAX_OUTPUT_TOKENS", "LC_CTYPE"}
    assert set(environment) <= kept | made and environment["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] == "99"
    assert "leak" not in str(environment)


@pytest.mark.parametrize("prompt", ["@/etc/passwd", "see @/etc/passwd", "(@~/.ssh/id_rsa)", '@"/etc/a b"', "x\n@./a", "@@/etc/passwd"])
async def test_a_file_that_a_prompt_names_is_not_read_into_it(bin_folder: Path, prompt: str):
    await ClaudeCLI("sonnet").complete([Message("user", prompt)])

    (given,) = calls(bin_folder)
    assert "@/" not in given["stdin"] and "@~" not in given["stdin"] and '@"' not in given["stdin"] and "@." not in given["stdin"]
    assert given["stdin"].replace("\u2060", "") == f"user: {prompt}"


async def test_an_address_of_mail_stays_as_it_is(bin_folder: Path):
    await ClaudeCLI("sonnet").complete([Message("user", "write to me@example.com")])

    assert calls(bin_folder)[0]["stdin"] == "user: write to me@example.com"


async def test_an_overload_is_tried_again_and_its_usage_is_kept(bin_folder: Path):
    said = await ClaudeCLI("overloaded", retry=QUICK).complete(ASK)

    assert (said.text, len(calls(bin_folder))) == ("four", 2)
    assert (said.usage.input_tokens, said.usage.calls, said.usage.cost_usd) == (34, 2, 0.5)


@pytest.mark.parametrize(
    ("model", "kind", "says"),
    [
        ("login", ModelRefused, "Invalid API key [key]"),
        ("old", ModelUnavailable, "ended with status 2: error: unknown option '--tools'"),
        ("html", ModelUnavailable, "an HTML page"),
        ("empty", ModelUnavailable, "an empty body"),
        ("odd", ModelUnavailable, "JSON of another shape"),
        ("nothing", ModelRefused, "gave no text"),
        ("endless", ModelUnavailable, "not read: more than"),
    ],
)
async def test_an_odd_answer_is_one_clear_error(bin_folder: Path, model: str, kind: type[ModelError], says: str):
    error = await failure(model)

    assert type(error) is kind and says in str(error) and error.provider == "claude-cli"
    assert len(calls(bin_folder)) == 1


async def test_a_verbose_answer_is_read_to_its_result(bin_folder: Path):
    assert (await ClaudeCLI("array").complete(ASK)).text == "four"


async def test_usage_that_makes_no_sense_is_estimated(bin_folder: Path):
    assert (await ClaudeCLI("negative").complete(ASK)).usage.estimated


async def test_a_key_that_is_said_back_does_not_reach_the_cells(bin_folder: Path):
    model = ClaudeCLI("echo")

    assert (await model.complete(ASK)).text == "key: [key]"
    assert KEY not in repr(model) + repr(vars(model)) + model.identity


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def gone(pids: list[int]) -> bool:
    with anyio.move_on_after(10):
        while any(map(alive, pids)):
            await anyio.sleep(0.005)
        return True
    return False


async def noted_pids(folder: Path) -> list[int]:
    with anyio.fail_after(10):
        while not (folder / "pids").exists():
            await anyio.sleep(0.005)
    return json.loads((folder / "pids").read_text())


async def test_cancelling_kills_the_command_and_what_it_started(bin_folder: Path):
    async with anyio.create_task_group() as group:
        group.start_soon(ClaudeCLI("hang").complete, ASK)
        pids = await noted_pids(bin_folder)
        assert all(map(alive, pids))
        group.cancel_scope.cancel()

    assert await gone(pids)


async def test_a_command_that_takes_too_long_is_killed_with_what_it_started(bin_folder: Path):
    with pytest.raises(ModelUnavailable, match="TimeoutError"):
        await ClaudeCLI("hang", timeout_seconds=1, retry=RetryPolicy(attempts=1)).complete(ASK)

    assert await gone(await noted_pids(bin_folder))


async def test_what_a_command_leaves_behind_does_not_hold_up_its_answer(bin_folder: Path):
    with anyio.fail_after(10):
        assert (await ClaudeCLI("leaves").complete(ASK)).text == "four"

    assert await gone(await noted_pids(bin_folder))


async def test_no_descriptor_and_no_child_is_left_over(bin_folder: Path):
    model = ClaudeCLI("sonnet")
    await model.complete(ASK)
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        await model.complete(ASK)

    assert len(os.listdir("/proc/self/fd")) == len(before)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert not [pid for pid in children if "claude" in Path(f"/proc/{pid}/cmdline").read_text()]


async def test_only_so_many_run_at_once(bin_folder: Path):
    model = ClaudeCLI("hang", rates=Rates(parallel=1))
    async with anyio.create_task_group() as group:
        group.start_soon(model.complete, ASK)
        await noted_pids(bin_folder)
        with anyio.move_on_after(0.3):
            await model.complete(ASK)
        assert len(calls(bin_folder)) == 1
        group.cancel_scope.cancel()


def test_a_missing_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigError, match="no command 'claude' on PATH: install Claude Code"):
        resolve("claude-cli:sonnet")


@pytest.mark.parametrize("model", ["--dangerously-skip-permissions", "-p", "a b", "a\nb", "x" * 300])
def test_a_models_name_is_no_option(bin_folder: Path, model: str):
    with pytest.raises(ConfigError, match="no name of a model"):
        ClaudeCLI(model)


async def test_a_closed_adapter_says_so(bin_folder: Path):
    model = ClaudeCLI("sonnet")
    await model.aclose()
    await model.aclose()

    with pytest.raises(ConfigError, match="closed"):
        await model.complete(ASK)
