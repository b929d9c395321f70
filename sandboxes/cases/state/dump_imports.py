# A dump keeps imported modules and names.
import json
import math as m
from collections import Counter

# %% dump
# %%
print(json.dumps([1]), m.floor(1.5), Counter("aa"))
# expected
# %%
# %%
#> [1] 1 Counter({'a': 2})
