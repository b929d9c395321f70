"""Search a folder: the context is loaded once and shared with every session, never copied."""

import tempfile
from pathlib import Path

from cellblock import RLM, Context

with tempfile.TemporaryDirectory() as folder:
    for number in range(50):
        note = f"One of the special magic numbers for kelp is: {number}. " if number in (7, 33) else ""
        Path(folder, f"report-{number:02}.txt").write_text("Nothing to see here. " * 200 + note)
    with Context.from_paths([folder]) as context:
        print(f"{context.num_documents} documents, {context.num_chars:,} characters")
        print(RLM("simulated").run("What are all the special magic numbers for kelp?", context).answer)
