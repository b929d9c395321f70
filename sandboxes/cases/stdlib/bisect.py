# Places in sorted lists are found by halving.
import bisect

grades = [60, 70, 80]
print(bisect.bisect(grades, 70), bisect.bisect_left(grades, 70), [("FDCA"[bisect.bisect(grades, score)]) for score in (59, 60, 95)])
bisect.insort(grades, 65)
print(grades)
# expected
#> 2 1 ['F', 'D', 'A']
#> [60, 65, 70, 80]
