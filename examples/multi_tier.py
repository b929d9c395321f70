"""A dear model for the loop, cheaper ones for what it delegates: what each has cost, and what that has saved."""

from cellblock import RLM, Models, Price, RunLimits, ScriptedModel

LETTERS = [f"Letter {n}: " + ("I want my money back. " if n % 3 == 0 else "Thank you for the quick delivery. ") * 40 for n in range(12)]

root = ScriptedModel(
    [
        """```repl
letters = [ctx.get_document(i) for i in range(ctx.num_documents())]
moods = llm_query_batched(["Is this letter a complaint? Say yes or no.\\n" + letter for letter in letters])
number = moods.count("yes")
summary = rlm_query("What do the complaints ask for?", [letters[i] for i in range(len(letters)) if moods[i] == "yes"])
FINAL(f"{number} of {len(letters)} letters are complaints. {summary}")
```"""
    ],
    name="big",
)
sub = ScriptedModel(name="small").add_rule("money back", "yes").add_rule("Thank you", "no")
child = ScriptedModel(["FINAL(They ask for their money back.)"], name="medium")

# With real models: Models(root="gpt-5", sub="gpt-5-nano", children="gpt-5-mini"). Their prices are known, so prices= can go.
models = Models(root=root, sub=sub, children=child)
prices = {
    "big": Price(input_per_million=2.50, output_per_million=15.00),
    "medium": Price(input_per_million=0.50, output_per_million=3.00),
    "small": Price(input_per_million=0.05, output_per_million=0.40),
}
result = RLM(models, prices=prices, limits=RunLimits(cost_usd=0.50)).run("How many letters are complaints, and about what?", LETTERS)
print(result.answer)
for name, usage in result.usage.by_model.items():
    print(f"{name:>7}: {usage.calls:>2} calls, ${usage.cost_usd:.6f}")
print(f"  total: {result.usage.calls:>2} calls, ${result.usage.cost_usd:.6f}; the big model alone: ${result.usage.saved_usd:.6f} more")
