"""A short context goes to the model whole, in one call; a long one to cells, with a profile that suits the task."""

from cellblock import RLM, Router, ScriptedModel

SHORT = "The meeting is on Tuesday at ten."
LONG = "Nothing was decided in this meeting. " * 1_000 + "The meeting is on Thursday at nine. " + "Any other business. " * 1_000

# With a real model: Router(RLM("gpt-5")).
model = ScriptedModel()
model.add_rule("is on Tuesday", "On Tuesday at ten.")
model.add_rule("characters, ", '```repl\nspan = ctx.find("The meeting is")[0]\nFINAL(ctx.slice(span[0] + 15, span[0] + 34).strip())\n```')
router = Router(RLM(model), baseline_threshold=8_000)

for context in (SHORT, LONG):
    routed = router.run("When is the meeting?", context, profile="DETERMINISTIC_FIRST")
    print(f"{len(context):>6} characters: {routed.method}, {routed.profile or 'no profile'}: {routed.output}")
