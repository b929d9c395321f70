# A cell with a syntax error changes nothing.
x = 1
# %% quoted
# x = 2
# def (:
# %%
x
# expected
# %%
#! SyntaxError: invalid syntax @2
# %%
#= 1
