# itemgetter, attrgetter and operators as functions.
import operator

rows = [{"n": 2, "s": "b"}, {"n": 1, "s": "c"}]
print(sorted(rows, key=operator.itemgetter("n"))[0], operator.itemgetter(0, 2)("abc"), operator.add(1, 2), list(map(operator.mul, [1, 2], [3, 4])))
# expected
#> {'n': 1, 's': 'c'} ('a', 'c') 3 [3, 8]
