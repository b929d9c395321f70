# Times are written in formats.
import time

print(time.strftime("%Y-%m-%d", time.gmtime(0)), time.gmtime(86400).tm_mday)
# expected
#> 1970-01-01 2
