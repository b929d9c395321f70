# An error inside a function of an earlier cell still has its kind and message.
def half(n):
    return n / 2


# %%
x = 1
half("text")
# expected
# %%
#! TypeError: unsupported operand type(s) for /: 'str' and 'int' @2
