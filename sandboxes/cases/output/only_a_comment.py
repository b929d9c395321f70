# A cell of comments does nothing.
# %% cell
# nothing here
# expected

