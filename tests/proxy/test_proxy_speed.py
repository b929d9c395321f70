from __future__ import annotations

import ast
import timeit

from proxy import SessionNames, rewrite

TYPICAL = '''\
import re
results = []
n = ctx.len_chars()
print("length", n, len(P))
for start, end, text in ctx.find("needle", max_matches=50):
    window = ctx.slice(max(0, start - 200), end + 200)
    results.append(window)
print(f"found {len(results)} matches in {len(P)} characters")
def extract(text):
    """Pull the number out of a window."""
    found = re.search(r"(\\d+) units", text)
    if found:
        return int(found.group(1))
    return None
numbers = []
for window in results:
    number = extract(window)
    if number is not None:
        numbers.append(number)
prompts = [f"What is the subject of this text?\\n\\n{w}" for w in results[:10]]
answers = llm_query_batched(prompts)
for prompt, answer in zip(prompts, answers):
    print(prompt[:40], "->", answer)
counts = {}
for answer in answers:
    counts[answer] = counts.get(answer, 0) + 1
best = max(counts, key=lambda k: counts[k])
if "deadline" in P:
    print(P[:500])
total = sum(numbers)
best, total
'''


def ratio(source: str, number: int) -> float:
    """Time of the rewrite over the time of the parser alone, the best of several."""
    session = SessionNames()
    whole = min(timeit.repeat(lambda: rewrite(source, session), number=number, repeat=15))
    return whole / min(timeit.repeat(lambda: ast.parse(source), number=number, repeat=15))


def test_a_typical_cell_takes_little_more_than_to_parse_it_twice() -> None:
    assert ratio(TYPICAL, 30) < 3.5


def test_a_tiny_cell_takes_no_more_than_a_few_times_its_parsing() -> None:
    assert ratio("x = 1", 300) < 10
