# ISO calendar, Unix time and time zones.
from datetime import datetime, timedelta, timezone

moment = datetime(2024, 1, 1, 12, tzinfo=timezone.utc)
print(moment.isocalendar()[1], datetime.fromtimestamp(0, timezone.utc), moment.astimezone(timezone(timedelta(hours=2))).hour, moment.timestamp())
# expected
#> 1 1970-01-01 00:00:00+00:00 14 1704110400.0
