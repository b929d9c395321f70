"""Functions of yours that cells may call: typed, checked, limited, and other ones for child runs."""

from cellblock import RLM, ScriptedModel, Tool, ToolLimits

STOCK = {"apple": 12, "pear": 0, "plum": 7}


def in_stock(item: str, at_least: int = 1) -> bool:
    """Whether the shop has that many of an item."""
    return STOCK.get(item, 0) >= at_least


async def order(item: str, count: int) -> dict[str, object]:
    """Order an item."""
    return {"item": item, "count": count, "status": "ordered"}


# What is wrong with a call is told to the cell, and the next one can do better. The third cell is the child run's, which has no `order`.
model = ScriptedModel(
    [
        'Plums first.\n```repl\nprint(in_stock("plum", at_least="a few"))\n```',
        """```repl
wanted = [line.split(" x ") for line in P.splitlines()]
missing = [item for count, item in wanted if not in_stock(item, int(count))]
print([order(item, 10)["status"] for item in missing])
FINAL({"missing": missing, "child": rlm_query("Can you order?")})
```""",
        '```repl\ntry:\n    order("pear", 1)\nexcept NameError as error:\n    FINAL(str(error))\n```',
    ]
)
# With a real model: RLM("gpt-5", tools=..., child_tools=...). The prompt tells it the tools' signatures and first lines.
rlm = RLM(model, tools=[in_stock, Tool.of(order, limits=ToolLimits(calls=5, wall_seconds=10))], child_tools=[in_stock])
result = rlm.run("Order what is missing.", "3 x apple\n2 x pear\n8 x plum")
print(model.calls[1].prompt, end="\n---\n")  # What the model read after its first cell.
print(result.value)
