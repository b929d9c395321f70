# A RecursionError that nobody catches ends the cell only.
def forever():
    return forever()


x = 1
forever()
# %%
x
# expected
#! RecursionError: maximum recursion depth exceeded @2
# %%
#= 1
