# Calls beyond the limit are a RuntimeError that names it.
# limits: host_calls=3
# far: echo

for n in range(10):
    print(echo(n))
# expected
#> 0
#> 1
#> 2
#! RuntimeError: host_calls=3 exceeded: call fewer times, or in batches @2
