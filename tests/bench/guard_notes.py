"""One sentence or two on each row of `guards.py`: written for its seed, to be read again whenever the figures change."""

from __future__ import annotations

OUTCOME = """**In short.** `require_repl_before_final` gains most for least: turn it on wherever an answer has to come from the context.
`verifications=1` where a wrong answer is worth two more calls. A limit that gives up saves calls and loses runs; with `forced_final`,
which is on by default, it loses few. Demands for sub-calls or child runs are for questions that need them, and for no others."""

WHY = {
    "require_repl_before_final": (
        "turns away every plan and guess that comes before a cell, for less than one more call a task. Guesses after a first look "
        "get through."
    ),
    "require_subcall_before_final": (
        "stops guesses after a first look too. Three kinds of task out of four need no sub-call, and are asked for one: their "
        "steps run out. For questions that only sub-calls can answer."
    ),
    "min_steps=2": "refuses the first reply alone, so a model that says the same again is believed.",
    "min_steps=3": "stops more of them, and costs a step in every task that takes two.",
    "verifications=1": (
        "stops early answers of every kind and loses none that was right, for about two more calls a task. This verifier is a "
        "program that looks for the answer's numbers in the outputs; a model errs both ways, so the row shows the most that there "
        "is to gain. An answer that was turned down three times is taken, and marked as not verified."
    ),
    "depth_enforcement=strict": (
        "none of these tasks needs a child run. It stops early answers all the same, for twice the calls, and loses tasks to the "
        "steps that it takes."
    ),
    "invalid_response_limit=2": "gives up on runs that would have found their way. It is there to save calls.",
    "invalid_response_limit=2, fallback_code": (
        "this fallback gives no answer, it only starts the counters again: as good as no limit for a model that finds its way by "
        "itself, and little help to one that does not."
    ),
    "repl_error_limit=2": "gives up after two failed cells, and loses the models that would have mended the third.",
    "repl_error_limit=2, fallback_code": "a second try makes good for what the limit loses with a model that recovers.",
    "loop_collapse_limit=2": (
        "the same cell twice is often an error on its way to being mended, or a second look: the most costly of the limits. Not "
        "to be set so low."
    ),
    "loop_collapse_limit=3": "without a forced final answer it loses runs that would have come out of it. The default is 5.",
    "auto_finalize_var": (
        "takes the answer of a model that has set the variable and forgets to say so: a step saved with one that would "
        "remember, an answer gained with one that would not."
    ),
    "forced_final": (
        "asks once more where the steps are used up, and gets the answer that the outputs show already. It takes nothing away. "
        "Prose in the last reply, too, is asked about once more, which leaves no wrong answers that are told as right with a stuck model."
    ),
    "Guards(), the defaults": (
        "they ask nothing of an answer, so early ones get through. They are limits and a forced final answer: with a model that "
        "gets stuck that means more right answers for two thirds of the calls."
    ),
    "policy format_strict": (
        "`require_repl_before_final` does it, the limits take a little away. What it says on form a program does not heed."
    ),
    "policy depth_soft": "a line in the prompt, which a program does not heed: the row of the defaults.",
    "policy depth_strict": "as `depth_enforcement=strict`, with the limits of the defaults.",
    "policy format_plus_depth": "as `depth_strict`: once child runs are demanded, the demand for a cell adds nothing.",
    "all together": (
        "`require_repl_before_final`, `min_steps=2`, `verifications=1`, `auto_finalize_var`, a fallback, the limits and the "
        "forced final answer: the best of both tables or close to it."
    ),
}
