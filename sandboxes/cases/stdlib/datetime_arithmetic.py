# Dates and times are added, subtracted, compared and taken apart.
from datetime import date, datetime, timedelta

start = datetime(2024, 1, 31, 12, 30)
print(start + timedelta(days=1, hours=12), (date(2024, 3, 1) - date(2024, 2, 1)).days, date(2024, 2, 29) < date(2024, 3, 1))
print(start.isoformat(), start.date(), start.weekday(), start.replace(month=2, day=29), timedelta(hours=30), timedelta(minutes=90).total_seconds())
# expected
#> 2024-02-02 00:30:00 29 True
#> 2024-01-31T12:30:00 2024-01-31 2 2024-02-29 12:30:00 1 day, 6:00:00 5400.0
