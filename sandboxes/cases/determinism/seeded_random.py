# Randomness is seeded, and goes on from cell to cell.
# seed: 11

import random

print(random.random(), random.randint(1, 1000), random.choice("abc"))
# %%
print(random.random())
# expected
#> 0.4523795535098186 574 b
# %%
#> 0.45183232059956535
