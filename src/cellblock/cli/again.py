"""What it takes to perform a run on record once more: its models, by the names on its record or as options say, and its context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError, StoreError
from .calls import Ready, model_of, read_context
from .records import task_in
from .terminal import one_line

if TYPE_CHECKING:
    from ..engine.roles import Models
    from ..host.context import Context
    from ..models.protocol import ModelAdapter
    from ..store.rows import RunRow

MODELS = "Models (those on record, where none is named)"

# Not the environment's CELLBLOCK_MODEL: a run goes on with the model that it began with, unless somebody says otherwise here and now.
Model = Annotated[
    str | None,
    typer.Option(
        "-m", "--model", metavar="NAME", help="In place of the model that the run had, as provider:model.", rich_help_panel=MODELS
    ),
]
SubModel = Annotated[
    str | None, typer.Option("--sub-model", metavar="NAME", help="In place of the model of its sub-calls.", rich_help_panel=MODELS)
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        help="The address of a server of your own, which is on no record. For those models, and for --model and --sub-model.",
        rich_help_panel=MODELS,
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What the call says about models."""

    model: str | None = None
    sub_model: str | None = None
    base_url: str | None = None


def ready(row: RunRow, given: Given, *, journal: str | None, cache: str | None, weak: bool = False) -> Ready:
    """An engine that goes on with a recorded run. Connects to nothing yet.

    Raises:
        ConfigError: one of its models cannot be had; the line says which option to give.
        StoreError: its models are not on record.
    """
    from ..engine.run import RLM

    chosen = _Chosen(row, given)
    models = chosen.models()
    if given.base_url is not None and not chosen.used_address:
        raise ConfigError("--base-url: no model of this run was at an address of its own; name with --model what is asked there")
    return Ready(rlm=RLM(models, journal=journal, cache=cache, allow_weak_isolation=weak), models=tuple(chosen.made.values()))


def context_again(sources: Sequence[str]) -> AbstractContextManager[Context | None]:
    """The context, if it is given again; else the one that was kept is taken."""
    return read_context(sources) if sources else nullcontext()


@contextmanager
def command_words() -> Iterator[None]:
    """The library's advice, with options in place of arguments.

    Raises:
        ConfigError: the same.
    """
    try:
        yield
    except ConfigError as error:
        text = str(error).replace("journal=", "--journal").replace("was not kept; give it again", "was not kept; give it again with -c")
        raise ConfigError(text) from error


class _Chosen:
    """The adapter for each name on record, made once."""

    def __init__(self, row: RunRow, given: Given) -> None:
        self._run_id, self._given = row.run_id, given
        self._record = _models_in(row)
        self.made: dict[str, ModelAdapter] = {}
        self.used_address = given.base_url is not None and (given.model is not None or given.sub_model is not None)

    def models(self) -> Models:
        from ..engine.roles import Models

        record = self._record
        return Models(
            root=self._one(record["root"]),
            sub=[self._sub(name) for name in record["sub"]],
            children=[self._one(name) for name in record["children"]],
            verifier=self._one(record["verifier"]),
            engineer=self._one(record["engineer"]),
            named={key: self._one(name) for key, name in record["named"].items()},
        )

    def _sub(self, name: str) -> ModelAdapter:
        return self._one(name) if self._given.sub_model is None else self._instead("--sub-model", self._given.sub_model)

    def _one(self, name: str) -> ModelAdapter:
        if self._given.model is not None and name == self._record["root"]:
            return self._instead("--model", self._given.model)
        if name not in self.made:
            self.made[name] = self._by_name(name)
        return self.made[name]

    def _instead(self, option: str, spec: str) -> ModelAdapter:
        if option not in self.made:
            self.made[option] = model_of(spec, self._given.base_url)
        return self.made[option]

    def _by_name(self, name: str) -> ModelAdapter:
        host, model = _host_and_model(name)
        try:
            if host is None:
                return self._same(name, model_of(name, None))
            if self._given.base_url is not None:
                self.used_address = True
                # By the API that most servers have; another one is named by --model, as provider+api:model.
                return model_of(f"openai:{model}", self._given.base_url)
        except ConfigError as error:
            raise ConfigError(f"{one_line(str(error), 800)}; or {self._advice(name)}") from None
        raise ConfigError(
            f"run {one_line(self._run_id)} asked {one_line(name, 120)}, and the address of {one_line(host, 80)} is not on record: "
            f"give it with --base-url, or {self._advice(name)}"
        )

    def _same(self, name: str, adapter: ModelAdapter) -> ModelAdapter:
        """The adapter, if it is what the run had asked. Else its key and the run's prompts would go where nobody sent them."""
        from ..models.remote import RemoteModel

        if not isinstance(adapter, RemoteModel) or self._record["identities"].get(name) in (None, adapter.identity):
            return adapter
        raise ConfigError(f"the run asked {one_line(name, 120)} at another address, by another API or with other settings")

    def _advice(self, name: str) -> str:
        if name == self._record["root"]:
            return "name another model with --model"
        if name in self._record["sub"]:
            return "name another model for sub-calls with --sub-model"
        return "go on with it from Python: RLM(Models(root=…, children=…, named=…)).resume(…)"


def _models_in(row: RunRow) -> dict[str, Any]:
    import msgspec

    from ..engine.tasks import RecordedTask

    record = RecordedTask(run_id=row.run_id, fields=task_in(row)).fields["models"]
    shape: dict[str, Any] = {
        "root": str,
        "sub": list[str],
        "children": list[str],
        "verifier": str,
        "engineer": str,
        "named": dict[str, str],
    }
    shape["identities"] = dict[str, str]
    try:
        return {name: msgspec.convert(record[name], kind) for name, kind in shape.items()}
    except (msgspec.ValidationError, KeyError, TypeError):
        raise StoreError(f"run {one_line(row.run_id)}: its record is not as it should be: models") from None


def _host_and_model(name: str) -> tuple[str | None, str]:
    """The host in the name of a model that was asked at an address of its own; None for a provider's."""
    from ..models import PROVIDERS

    end = name.find("]:") + 1 if name.startswith("[") else name.find(":")
    host = name[:end] if end > 0 else ""
    return (None, name) if host in ("", "simulated", *PROVIDERS) else (host, name[end + 1 :])
