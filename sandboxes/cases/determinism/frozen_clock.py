# The clock stands where the session was opened.
# clock: 1_000_000_000.0

import datetime
import time

print(time.time(), datetime.datetime.now(), datetime.date.today(), datetime.datetime.now(datetime.timezone.utc).isoformat())
# %%
print(time.time(), datetime.datetime.now().year)
# expected
#> 1000000000.0 2001-09-09 01:46:40 2001-09-09 2001-09-09T01:46:40+00:00
# %%
#> 1000000000.0 2001
