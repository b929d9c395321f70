# A batch answers in the order of its prompts.
# far: llm_query_batched

print(llm_query_batched(["b", "a", "b"]), llm_query_batched([]))
# expected
#> ['B', 'A', 'B'] []
