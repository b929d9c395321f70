# Days of months and leap years.
import calendar

print(calendar.monthrange(2024, 2)[1], calendar.isleap(1900), calendar.month_name[3])
# expected
#> 29 False March
