# Going on after the limit of calls is reported at the cell's end; the next cell counts anew.
# limits: host_calls=2
# far: remember

for n in range(3):
    try:
        remember(n)
    except RuntimeError as error:
        print("host_calls=2" in str(error))
# %%
remember("x")
# expected
#> True
#! limit host_calls
# %%
#= 3
