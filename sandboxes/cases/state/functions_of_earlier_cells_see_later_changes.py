# A function sees names that were bound after it, by a cell that failed too, and functions that were defined anew.
def total():
    return sum(items) + bonus


# %%
items = [1, 2]
bonus = 10
raise ValueError("stop")
# %%
print(total())
items, bonus = [5], 0
print(total())
# %%
def total():
    return "another"


def caller():
    return total()


print(caller())
# %%
def total():
    return "a third"


print(caller())
# expected
# %%
#! ValueError: stop @3
# %%
#> 13
#> 5
# %%
#> another
# %%
#> a third
