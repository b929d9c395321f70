# chain, islice, count, cycle, repeat, takewhile, dropwhile, zip_longest, starmap.
import itertools as it

print(list(it.chain([1], "ab")), list(it.chain.from_iterable([[1], [2]])), list(it.islice(it.count(5, 2), 3)), list(it.islice(it.cycle("ab"), 5)))
print(list(it.repeat(0, 2)), list(it.takewhile(lambda n: n < 3, [1, 2, 3, 1])), list(it.dropwhile(lambda n: n < 3, [1, 3, 1])))
print(list(it.zip_longest([1], "ab", fillvalue="-")), list(it.starmap(pow, [(2, 3), (3, 2)])), list(it.pairwise([1, 2, 3])), list(it.compress("abc", [1, 0, 1])))
# expected
#> [1, 'a', 'b'] [1, 2] [5, 7, 9] ['a', 'b', 'a', 'b', 'a']
#> [0, 0] [1, 2] [3, 1]
#> [(1, 'a'), ('-', 'b')] [8, 9] [(1, 2), (2, 3)] ['a', 'c']
