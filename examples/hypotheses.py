"""Two ways to read the same figures, tried in parallel forks; the better one is committed, and its files stay."""

from cellblock import RLM, ScriptedModel
from cellblock.events import Branched

ROWS = "\n".join(["rent;1.201.200,50", "food;310,00", "books;1.045,10", "coffee;4,20"])

# With a real model: RLM("gpt-5"). This one writes three cells.
model = ScriptedModel(
    [
        """```repl
rows = [line.split(";") for line in P.splitlines()]
start = checkpoint.create("rows read")
```""",
        """```repl
fork.create(start, "english")
fork.create(start, "german")
read = "amounts = [float({}) for name, text in rows]\\nvfs.write('/artifacts/total.txt', str(sum(amounts)))\\nprint(len(amounts))"
found = fork.run_all({
    "english": read.format("text.replace(',', '')"),
    "german": read.format("text.replace('.', '').replace(',', '.')"),
})
for name in found:
    print(name, found[name]["error"] or found[name]["output"])
    fork.score(name, 0 if found[name]["error"] else 1)
best = max(fork.list(), key=lambda each: each["score"])["name"]
strategy.commit(best, "the only one that reads every row")
```""",
        """```repl
FINAL([strategy.status()["committed"][0]["fork"], sum(amounts), vfs.read("/artifacts/total.txt")])
```""",
    ]
)
result = RLM(model).run("What is the sum of the amounts?", ROWS)
print(result.value, dict(result.files))
for event in result.trace:
    if isinstance(event, Branched):
        print(event.act, event.name, event.error or "")
