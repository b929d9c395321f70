"""What an answer must have behind it, from a file of policies; and how a refusal reads, to the model and in the trace."""

import json
import tempfile
from pathlib import Path

from cellblock import RLM, ScriptedModel
from cellblock.events import Refused

POLICIES = {
    "careful": {
        "guards": {"require_repl_before_final": True, "require_subcall_before_final": True, "invalid_response_limit": 2},
        "prompt": {"supplements": ["Quote the sentence that the answer rests on."]},
    }
}
# With a real model: RLM("gpt-5", policy=...). It is told what is asked of it before it begins.
model = ScriptedModel(
    [
        "FINAL(It is probably blue.)",
        '```repl\nprint(P.find("colour"))\n```\nFINAL(It is red.)',
        "FINAL(It is red.)",
        '```repl\nFINAL(llm_query("What colour is it? " + P))\n```',
        'It is green: "The colour is green."',
    ]
)
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder, "careful.json")  # The policy of that name is taken.
    file.write_text(json.dumps(POLICIES))
    result = RLM(model, policy=file).run("What colour is the door?", "The colour is green.")
print(model.calls[1].prompt, end="\n---\n")  # What the model read after its first reply,
print(model.calls[2].prompt, end="\n---\n")  # and after its second one.
for event in result.trace:
    if isinstance(event, Refused):
        print(f"reply {event.step} refused: {event.reason}")
print(result.answer)
