# What the ended cell bound before is kept too.
# limits: wall_seconds=0.3

done = []
# %%
for n in range(3):
    done.append(n)
late = "bound"
while True:
    pass
# %%
print(done, late)
# expected
# %%
#! limit wall_seconds
# %%
#> [0, 1, 2] bound
