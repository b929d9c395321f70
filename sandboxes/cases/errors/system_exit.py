# Leaving by SystemExit is an error of the cell, and the session goes on.
x = 1
raise SystemExit("done")
# %%
x
# expected
#! SystemExit: done @2
# %%
#= 1
