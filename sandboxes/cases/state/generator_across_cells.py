# A generator goes on in a later cell.
def numbers():
    n = 0
    while True:
        yield n
        n += 1


stream = numbers()
next(stream)
# %%
print(next(stream), next(stream))
# expected
#= 0
# %%
#> 1 2
