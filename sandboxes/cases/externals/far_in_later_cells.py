# Functions that call far functions go on working in later cells.
# far: echo


def ask(n):
    return echo(n) + 1


# %%
print(ask(1))
# %%
print([ask(n) for n in range(3)])
# expected
# %%
#> 2
# %%
#> [1, 2, 3]
