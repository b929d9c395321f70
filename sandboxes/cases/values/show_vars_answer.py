# SHOW_VARS leaves out `answer` and NO_ANSWER unless a cell bound them.
answer["content"] = 1
x = NO_ANSWER
print(SHOW_VARS())
# %%
answer = {"ready": False}
NO_ANSWER = [1]
print(SHOW_VARS())
# expected
#> x: str of 9
# %%
#> NO_ANSWER: list of 1
#> answer: dict of 1
#> x: str of 9
