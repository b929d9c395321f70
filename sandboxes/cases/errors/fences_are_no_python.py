# The fence of a code block is no Python.
# %% quoted
# ```python
# print(1)
# ```
# expected
#! SyntaxError: invalid syntax @1
