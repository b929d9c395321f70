# Functions and classes work in a fork, and randomness goes on in it as in the original.
import random

random.seed(3)
random.random()


class Counter:
    def __init__(self):
        self.n = 0

    def up(self):
        self.n += 1
        return self.n


counter = Counter()
counter.up()
# %% fork
# %%
print(counter.up(), random.random())
# %% back
# %%
print(counter.up(), random.random())
# expected
#= 1
# %%
# %%
#> 2 0.5442292252959519
# %%
# %%
#> 2 0.5442292252959519
