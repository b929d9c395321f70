# str.format takes positions, names, indexes and specs; `%` still works.
print("{} {} {}".format(1, "a", None), "{1}{0}".format("a", "b"), "{n:>5}|{0!r}".format("x", n=3), "{0[1]} {d[k]}".format([1, 2], d={"k": "v"}))
print("%s is %d years and %.1f%% %r" % ("Ann", 31.9, 99.5, "x"), "%05d|%-5s|%+d|%x" % (42, "ab", 3, 255), "%(a)s-%(b)s" % {"a": 1, "b": 2})
# expected
#> 1 a None ba     3|'x' 2 v
#> Ann is 31 years and 99.5% 'x' 00042|ab   |+3|ff 1-2
