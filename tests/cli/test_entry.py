"""Every error becomes one line and an exit code."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cellblock import cli, errors
from cellblock.cli import entry


def code_and_line(monkeypatch, capsys, error, *words):
    """What `cellblock sandboxes` makes of `error`."""

    def broken(ctx, json=False, verbose=False):
        raise error

    monkeypatch.setattr("cellblock.cli.sandboxes.known_to_this_machine", lambda: broken(None))
    code = cli.main(["sandboxes", *words])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (errors.ConfigError("no such thing"), 2, "cellblock: no such thing"),
        (errors.SandboxUnavailable("no user namespaces"), 2, "cellblock: no user namespaces"),
        (errors.ModelUnavailable("down"), 1, "cellblock: down"),
        (errors.MaxStepsExceeded("steps", allowed=3, used=4), 1, "cellblock: the run's steps=3 exceeded: 4"),
        (errors.StoreError("disk full"), 1, "cellblock: disk full"),
        (OSError(28, "No space left on device", "f"), 1, "cellblock: f: No space left on device"),
        (ZeroDivisionError("oh\nno"), 1, "cellblock: unexpected ZeroDivisionError: oh no; -v shows where"),
        (ExceptionGroup("two", [ExceptionGroup("one", [errors.ModelRefused("no quota")])]), 1, "cellblock: no quota"),
        (errors.ModelRefused("\x1b[2J[/bold]\u202e"), 1, r"cellblock: \x1b[2J[/bold]\u202e"),
        (KeyboardInterrupt(), 130, "cellblock: interrupted"),
        (BaseExceptionGroup("task group", [KeyboardInterrupt()]), 130, "cellblock: interrupted"),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(monkeypatch, capsys, error, code, line):
    assert code_and_line(monkeypatch, capsys, error) == (code, line + "\n")


def test_verbose_adds_a_traceback_without_control_codes(monkeypatch, capsys):
    code, text = code_and_line(monkeypatch, capsys, ValueError("\x1b[2J"), "-v")
    assert code == 1
    assert "Traceback" in text and "broken" in text and "\x1b" not in text


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["fly"], "No such command 'fly'"),
        (["run"], "Missing argument 'QUESTION'"),
        (["run", "q", "--wat"], "No such option: --wat"),
        (["run", "q", "--max-steps", "many"], "Invalid value for '--max-steps'"),
        (["simulate", "--port", "99999"], "Invalid value for '--port'"),
    ],
)
def test_a_wrong_word_is_one_line_that_names_it_and_the_help(capsys, words, part):
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    assert err.startswith("cellblock: ") and part in err and "--help" in err


def test_without_a_command_the_help_is_shown(capsys):
    assert cli.main([]) == 0
    assert "Commands" in capsys.readouterr().out


WITH_EXAMPLES = ["run", "resume", "replay", "chat", "upload", "export-sft", "demo", "sandboxes", "simulate"]
OF_GROUPS = ["threads", "threads list", "threads show", "threads export", "threads delete", "runs", "runs show", "runs delete"]
OF_GROUPS += ["store", "store path", "store check", "store gc"]


@pytest.mark.parametrize("command", WITH_EXAMPLES + OF_GROUPS)
def test_every_command_has_help_with_an_example(command):
    result = CliRunner().invoke(entry.app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert f"cellblock {command} " in result.output.replace("\n", " ")


def test_the_version_is_the_packages(capsys):
    from importlib.metadata import version

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"cellblock {version('cellblock')}\n"


def test_the_help_loads_nothing_heavy():
    heavy = ["anyio", "asyncio", "msgspec", "openai", "anthropic", "starlette", "uvicorn", "pydantic_monty", "sqlite3", "rich.live"]
    code = f"import sys; from cellblock import cli; cli.main(['--help']); print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
