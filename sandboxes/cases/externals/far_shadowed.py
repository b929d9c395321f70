# A cell may use a far function's name for something else.
# far: echo


def echo(value):
    return f"mine: {value}"


print(echo(1))
# %%
print(echo(2))
# expected
#> mine: 1
# %%
#> mine: 2
