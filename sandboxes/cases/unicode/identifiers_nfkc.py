# Names are normalised: a ligature is its letters, also for what was bound in another cell.
ﬁle = "ligature"
print(file)
# %%
print(ﬁle, file)
# %% get file
# expected
#> ligature
# %%
#> ligature ligature
# %%
#. 'ligature'
