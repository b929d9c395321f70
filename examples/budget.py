"""A run that comes to the end of its budget: it says so, and keeps what it has found by then."""

from cellblock import RLM, BudgetExceeded, RunLimits, ScriptedModel

LOG = "\n".join(f"request {n}: " + ("timeout" if n % 10 == 0 else "fine") for n in range(5_000))

# With a real model: RLM("gpt-5", limits=...). This one asks for more and more, and never gives an answer.
model = ScriptedModel(
    ['```repl\nprint("timeouts:", len(ctx.find("timeout", max_matches=10_000)))\n```'],
    fallback='```repl\nprint("timeouts:", P.count("timeout"), llm_query("What causes these?\\n" + P[:20_000]))\n```',
)
result = RLM(model, limits=RunLimits(tokens=6_000, steps=10, wall_seconds=60)).run("How many requests timed out, and why?", LOG)
print("success:", result.success)
print("ending: ", result.ending)
print("error:  ", result.error)
print("partial:", result.answer)
try:
    result.raise_for_failure()
except BudgetExceeded as error:
    print(f"{type(error).__name__}: {error.limit}, of {error.allowed} allowed; its result is the same: {error.result is result}")
