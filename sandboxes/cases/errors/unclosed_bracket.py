# A bracket that is never closed.
# %% quoted
# values = [1, 2
# print(values)
# expected
#! SyntaxError: '[' was never closed @1
