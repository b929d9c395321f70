"""Child runs two levels deep: each has a session, a context and steps of its own, and draws on the same budget."""

from cellblock import RLM, RunLimits, ScriptedModel

BOOK = [f"Chapter {c}.\n" + "\n".join(f"Page {p}: " + "whale " * (c * p) for p in (1, 2)) for c in (1, 2, 3)]

# Each rule answers the run whose question it names. With a real model: RLM("gpt-5", limits=...) and no rules.
model = ScriptedModel()
model.add_rule(
    "Question:\nHow often is the whale named in this book",
    """```repl
chapters = [ctx.get_document(i) for i in range(ctx.num_documents())]
counts = rlm_query_batched(["How often is the whale named in this chapter?"] * len(chapters), chapters)
FINAL({"chapters": counts, "book": sum(counts)})
```""",
)
model.add_rule(
    "Question:\nHow often is the whale named in this chapter",
    """```repl
FINAL(sum(rlm_query("How often is the whale named on this page?", page) for page in P.split("Page ")[1:]))
```""",
)
model.add_rule("Question:\nHow often is the whale named on this page", '```repl\nFINAL(P.count("whale"))\n```')

result = RLM(model, limits=RunLimits(depth=2)).run("How often is the whale named in this book?", BOOK)
print(result.value)
for depth, usage in result.usage.by_depth.items():
    print(f"depth {depth}: {usage.calls} model calls")
