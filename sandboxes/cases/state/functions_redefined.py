# A function that is defined anew is used by those that call it.
def inner():
    return "old"


def outer():
    return inner()


# %%
def inner():
    return "new"


print(outer())
# expected
# %%
#> new
