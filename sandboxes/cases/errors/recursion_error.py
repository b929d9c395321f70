# Endless recursion is a RecursionError, and the session goes on.
def forever(n):
    return forever(n + 1)


try:
    forever(0)
except RecursionError as error:
    print("recursion" in str(error))
# %%
print("alive")
# expected
#> True
# %%
#> alive
