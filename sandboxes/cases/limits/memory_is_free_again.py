# Memory that is no longer used can be used again.
# limits: memory_bytes=96 * 2**20

for n in range(30):
    block = "x" * 8_000_000 + str(n)
print(len(block))
# expected
#> 8000002
