# A function's parameter named ctx is its own.
# context: "text"


def f(ctx):
    return ctx.upper()


print(f("mine"), ctx.slice(0, 2))
# expected
#> MINE te
