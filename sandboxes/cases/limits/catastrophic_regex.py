# A regular expression that would take for ever is ended like any other cell.
# limits: wall_seconds=0.5

x = 1
# %%
import re

re.match(r"(a+)+$", "a" * 40 + "b")
# %%
x
# expected
# %%
#? limit wall_seconds
# %%
#= 1
