# Dates are parsed from and written in formats and ISO texts.
from datetime import date, datetime, timezone

print(datetime.strptime("03/02/2024 14:05", "%d/%m/%Y %H:%M"), datetime.fromisoformat("2024-02-03T01:02:03"), date.fromisoformat("2024-02-03"))
print(datetime(2024, 2, 3, 4, 5).strftime("%Y-%m-%d %H:%M:%S %j %b %A %%"), repr(date(2024, 1, 2)), datetime(2024, 1, 1, tzinfo=timezone.utc).isoformat())
datetime.strptime("tomorrow", "%Y")
# expected
#> 2024-02-03 14:05:00 2024-02-03 01:02:03 2024-02-03
#> 2024-02-03 04:05:00 034 Feb Saturday % datetime.date(2024, 1, 2) 2024-01-01T00:00:00+00:00
#! ValueError: time data 'tomorrow' does not match format '%Y' @5
