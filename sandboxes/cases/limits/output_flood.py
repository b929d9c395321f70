# A flood of output is cut and counted, and does not fill the memory.
# limits: output_chars=30, memory_bytes=64 * 2**20

for n in range(700):
    print("x" * 100_000)
# expected
#> xxxxxxxxxxxxxxxxxxxxxxxxxxxxx
#~ dropped: 70000670
