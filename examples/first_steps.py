"""Ask one question about a text. With a real model: `RLM("gpt-5")` and OPENAI_API_KEY set."""

from cellblock import RLM

LINES = [f"line {number}: " + ("an ERROR happened" if number % 7 == 0 else "all is well") for number in range(10_000)]

result = RLM("simulated").run("How many lines contain 'ERROR'?", "\n".join(LINES))
print(result.answer)
print(f"{result.steps} steps, {result.usage.input_tokens} tokens in; no language model was called")
