# An empty cell does nothing.
# %% cell
# %% cell
"next"
# expected
# %%
#= 'next'
