"""The top level: the commands, and what each error becomes: one line and an exit code."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from ..errors import CellblockError, ConfigError, SandboxUnavailable
from . import audit, chat, demo, export_sft, files, prepare, replay, resume, run, runs, sandboxes, simulate, store, threads, upload
from .options import Heard
from .terminal import one_line, prepare_streams, safe, say, silence

ANSWERED, FAILED, WRONG_CALL, INTERRUPTED = 0, 1, 2, 130

# typer exports only this child of the class that every wrong option raises, and keeps the class itself in a place
# that moved from release to release.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="cellblock",
    help="Answer questions over files far larger than a model's window. The model writes Python, and all of it runs behind two walls.",
    epilog="`cellblock demo` needs no key and no network. `cellblock run --help` has examples.",
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run", epilog=run.EPILOG)(run.run)
app.command("resume", epilog=resume.EPILOG)(resume.resume)
app.command("replay", epilog=replay.EPILOG)(replay.replay)
app.add_typer(runs.app, name="runs")
app.command("chat", epilog=chat.EPILOG)(chat.chat)
app.command("upload", epilog=upload.EPILOG)(upload.upload)
app.add_typer(threads.app, name="threads")
app.command("export-sft", epilog=export_sft.EPILOG)(export_sft.export_sft)
app.add_typer(store.app, name="store")
app.command("files", epilog=files.EPILOG)(files.files)
app.command("demo", epilog=demo.EPILOG)(demo.demo)
app.command("sandboxes", epilog=sandboxes.EPILOG)(sandboxes.sandboxes)
app.command("audit", epilog=audit.EPILOG)(audit.audit)
app.command("prepare", epilog=prepare.EPILOG)(prepare.prepare)
app.command("simulate", epilog=simulate.EPILOG)(simulate.simulate)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cellblock {version('cellblock')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def top(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")] = False,
) -> None:
    """What happens before any command: nothing, or the help if there is no command."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def execute(argv: Sequence[str] | None = None) -> int:
    """Run one command; every error becomes one line on standard error and an exit code."""
    prepare_streams()
    # Libraries' warnings must not scribble over the live view; what matters of them is in the events.
    logging.getLogger().addHandler(logging.NullHandler())
    heard = Heard()
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        code = typer.main.get_command(app).main(args=words, prog_name="cellblock", standalone_mode=False, obj=heard)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BaseExceptionGroup as group:
        code = _fail(_first(group), verbose=heard.verbose)
    except Exception as error:  # noqa: BLE001 - the top level: an unexpected error is one line too
        code = _fail(error, verbose=heard.verbose)
    if code == INTERRUPTED:
        say("cellblock: interrupted")
    return _flushed(code if isinstance(code, int) else ANSWERED)


def _first(error: BaseException) -> BaseException:
    """The first error that is not a group of others: task groups wrap what their tasks raise."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _fail(error: BaseException, *, verbose: bool) -> int:
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, (SystemExit, GeneratorExit)):
        raise error
    if verbose and not isinstance(error, _UsageError):
        say(safe("".join(traceback.format_exception(error))).rstrip())
    text, code = _told(error)
    say(f"cellblock: {one_line(text)}")
    return code


def _told(error: BaseException) -> tuple[str, int]:
    """The line and the exit code of an error."""
    if isinstance(error, _UsageError):
        context = getattr(error, "ctx", None)
        hint = f"; see {context.command_path} --help" if context is not None else ""
        return f"{error.format_message().rstrip('.')}{hint}", WRONG_CALL  # type: ignore[attr-defined]
    if isinstance(error, (ConfigError, SandboxUnavailable)):
        return str(error), WRONG_CALL
    if isinstance(error, CellblockError):
        return str(error), FAILED
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}", FAILED
    return f"unexpected {type(error).__name__}: {error}; -v shows where", FAILED


def _flushed(code: int) -> int:
    """`code`, once what is still buffered has gone where it can go."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        silence(sys.stdout)
        say(f"cellblock: standard output: {error.strerror}")
        return code or FAILED
    return code
