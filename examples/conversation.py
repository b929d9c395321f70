"""Several questions to one REPL: contexts add up, variables stay, and the model sees the questions before."""

from cellblock import RLM, ScriptedModel

# With a real model: RLM("gpt-5").
model = ScriptedModel(
    [
        """```repl
def total(text):
    return sum(int(line.split()[-1]) for line in text.splitlines())

january = total(P)
FINAL(january)
```""",
        """```repl
february = total(ctx.get_document(1))
FINAL(february - january)
```""",
        """```repl
FINAL([turn["answer"] for turn in history] + [january, february])
```""",
    ]
)
with RLM(model).session("rent 900\nfood 300") as session:
    print(session.run("What did I spend in January?").value)
    print(session.run("How much more was it in February?", "rent 900\nfood 350\nshoes 80").value)
    print(session.run("What have I asked so far, and what were the sums?").value)
    print(f"{len(session.turns)} turns")
