# A model call returns a str.
# far: llm_query

answers = [llm_query(f"word {n}") for n in range(2)]
print(answers, llm_query("x", model="small"), llm_query(prompt="y", max_tokens=5))
# expected
#> ['WORD 0', 'WORD 1'] small: X Y
