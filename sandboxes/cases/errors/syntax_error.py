# A cell that is no Python is a SyntaxError with its line, and nothing of it runs.
# %% quoted
# print("never")
# x = = 5
# print("never")
# %%
print("alive")
# expected
#! SyntaxError: invalid syntax @2
# %%
#> alive
