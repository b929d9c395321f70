"""A model of one's own: a class with a name and two methods, for what no provider here speaks."""

from collections.abc import Mapping, Sequence
from typing import Any

from cellblock import RLM, Message, ModelResponse, Usage


class CountingModel:
    """Writes one cell that counts, then gives what it printed. A real one would ask a server in `complete`."""

    name = "mine:counting-1"

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        """Ask once. What it raises ends the run with a ModelError."""
        said = messages[-1].content
        if "Output of cell 1:" in said:
            text = f"FINAL({said.partition('Output of cell 1:')[2].split()[0]})"
        else:
            text = '```repl\nprint(len(ctx.find("ERROR", max_matches=1_000)))\n```'
        used = Usage(input_tokens=sum(len(message.content) for message in messages) // 4, output_tokens=len(text) // 4, calls=1)
        return ModelResponse(text=text, usage=used, model=self.name)

    async def aclose(self) -> None:
        """Close connections; there are none."""


result = RLM(CountingModel()).run("How many errors are there?", "ok\nERROR\nok\nERROR\n" * 100)
print(result.answer, *result.usage.by_model)
