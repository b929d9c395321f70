"""An answer of a type of yours: the model is told its schema, and an answer that does not fit is refused with the reason."""

from pydantic import BaseModel, Field

from cellblock import RLM, ScriptedModel
from cellblock.events import Refused


class Verdict(BaseModel):
    """What we want to know of a contract."""

    renews: bool
    notice_days: int = Field(ge=0)
    clause: str


CONTRACT = "§1 ... §7 This agreement renews every year unless it is ended with ninety days' notice. §8 ..."

# With a real model: RLM("gpt-5").
model = ScriptedModel(
    [
        '```repl\nFINAL({"renews": True, "notice_days": "ninety", "clause": "§7"})\n```',
        '```repl\nFINAL({"renews": True, "notice_days": 90, "clause": "§7"})\n```',
    ]
)
result = RLM(model).run("Does this contract renew by itself, and with what notice can it be ended?", CONTRACT, output_type=Verdict)
for event in result.trace:
    if isinstance(event, Refused):
        print("refused:", event.reason)
assert isinstance(result.output, Verdict)
print(repr(result.output))
