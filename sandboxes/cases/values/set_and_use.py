# A variable that the host sets is used like any other.
# %% set rows = [{"n": 1}, {"n": 2}]
# %%
rows.append({"n": 3})
total = sum(row["n"] for row in rows)
total
# %% get rows
# expected
# %%
#= 6
# %%
#. [{'n': 1}, {'n': 2}, {'n': 3}]
