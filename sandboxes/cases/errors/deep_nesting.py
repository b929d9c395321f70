# Source that is nested very deep is refused or fails, and the session goes on.
source = "[" * 5_000 + "]" * 5_000
# %%
try:
    eval(source)
except (SyntaxError, MemoryError, RecursionError, ValueError, NameError) as error:
    print("refused")
# %%
print("alive")
# expected
# %%
#> refused
# %%
#> alive
