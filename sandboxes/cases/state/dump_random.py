# After a dump randomness goes on where it was.
# seed: 5

import random

random.random()
# %% dump
# %%
print(random.random())
# expected
#= 0.6229016948897019
# %%
# %%
#> 0.7417869892607294
