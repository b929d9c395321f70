# A dict with keys that are no texts does not cross.
d = {1: "a"}
# %% get d
# expected
# %%
#! TypeError: a dict whose keys are not all str cannot cross; use {str(k): v for k, v in d.items()}
