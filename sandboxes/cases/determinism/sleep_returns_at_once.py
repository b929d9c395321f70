# Sleeping takes no time.
# limits: wall_seconds=2.0

import time

time.sleep(3600)
print("awake")
# expected
#> awake
