"""Turn documents into rows: one cell asks a sub-model about all of them at once, and gets checked JSON back."""

import json
import re
from typing import Any

from cellblock import RLM, Models, ScriptedModel

INVOICES = {
    "a.txt": "Invoice 17. Northwind Ltd. Amount due: 1200.50 EUR. Due on 2025-03-01.",
    "b.txt": "Invoice 18. Contoso AG. Amount due: 80.00 EUR. Due on 2025-02-11.",
    "c.txt": "Invoice 19. Fabrikam Inc. Amount due: 310.25 EUR. Due on 2025-04-30.",
}
CELL = """```repl
prompts = ["Take the vendor, the amount and the due date from this invoice.\\n" + ctx.get_document(i) for i in range(ctx.num_documents())]
rows = llm_query_json_batched(prompts, schema={"vendor": "str", "amount": "float", "due": "str"})
good = [row for row in rows if "error" not in row]
FINAL(sorted(good, key=lambda row: row["due"]))
```"""


def reader(prompt: str) -> str:
    """Stands in for the sub-model. Any function from a prompt to a text is a model."""
    found = re.search(r"Invoice \d+\. (.+?)\. Amount due: ([\d.]+) EUR\. Due on ([\d-]+)", prompt)
    assert found
    return json.dumps({"vendor": found[1], "amount": float(found[2]), "due": found[3]})


# With real models: Models(root="gpt-5", sub="gpt-5-mini"), and they write the cell.
models = Models(root=ScriptedModel([CELL]), sub=reader)
result = RLM(models).run("List vendor, amount and due date of every invoice, soonest due first.", INVOICES)
rows: Any = result.value  # With its own types; `result.answer` is its text.
for row in rows:
    print(f"{row['due']}  {row['amount']:>8.2f}  {row['vendor']}")
print(f"{result.subcalls} sub-calls in {result.steps} step")
