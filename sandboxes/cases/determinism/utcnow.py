# datetime.utcnow and datetime.today give the same instant.
import datetime

print(datetime.datetime.utcnow(), datetime.datetime.today())
# expected
#> 2023-11-14 22:13:20 2023-11-14 22:13:20
