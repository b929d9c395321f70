# csv writes into a text in memory, and reads one.
import csv
import io

buffer = io.StringIO()
writer = csv.writer(buffer, lineterminator="\n")
writer.writerow(["a", "b, c", 1])
print(repr(buffer.getvalue()), list(csv.reader(io.StringIO("x,y\n1,2"))), io.StringIO("l1\nl2").readlines())
# expected
#> 'a,"b, c",1\n' [['x', 'y'], ['1', '2']] ['l1\n', 'l2']
