# What now() gives is an ordinary datetime.
from datetime import date, datetime, timedelta

now = datetime.now()
print(type(now).__name__, isinstance(now, datetime), isinstance(now, date), now - timedelta(days=1), repr(now), now == datetime(2023, 11, 14, 22, 13, 20))
# expected
#> datetime True True 2023-11-13 22:13:20 datetime.datetime(2023, 11, 14, 22, 13, 20) True
