# An `answer` that cannot cross is an error of the cell which says what to do, and what the cell did is kept.
print("seen")
answer["content"], answer["ready"] = {3, 1}, True
"shown"
# %%
print(sorted(answer["content"]), answer["ready"])
# %%
answer["content"], answer["ready"] = {"k": {1: 2}}, True
# %%
answer["content"], answer["ready"] = len, True
# %%
answer["content"], answer["ready"] = sorted({3, 1}), True
# expected
#> seen
#= 'shown'
#! TypeError: answer: a set cannot cross; use sorted(...) or list(...); then set answer['ready'] = True again
# %%
#> [1, 3] False
# %%
#! TypeError: answer: a dict whose keys are not all str cannot cross; use {str(k): v for k, v in d.items()}; then set
# %%
#! TypeError: cannot cross; only None, bool, int, float, str, bytes, list and dict cross; then set
# %%
#. [1, 3]
