# The clocks for measuring never run backwards.
import time

first = time.perf_counter()
second = time.perf_counter()
print(second >= first, time.monotonic() <= time.monotonic(), isinstance(first, float))
# expected
#> True True True
