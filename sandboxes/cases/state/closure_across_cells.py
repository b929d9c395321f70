# A closure keeps its variables over cells.
def make():
    seen = []

    def add(x):
        seen.append(x)
        return list(seen)

    return add


add = make()
add(1)
# %%
print(add(2))
# expected
#= [1]
# %%
#> [1, 2]
