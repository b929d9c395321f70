# product, permutations, combinations, accumulate.
import itertools as it

print(list(it.product("ab", [0, 1])), list(it.permutations([1, 2, 3], 2)), list(it.combinations("abc", 2)))
print(list(it.combinations_with_replacement("ab", 2)), list(it.accumulate([1, 2, 3, 4])), list(it.accumulate([2, 3, 4], lambda a, b: a * b)))
# expected
#> [('a', 0), ('a', 1), ('b', 0), ('b', 1)] [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)] [('a', 'b'), ('a', 'c'), ('b', 'c')]
#> [('a', 'a'), ('a', 'b'), ('b', 'b')] [1, 3, 6, 10] [2, 6, 24]
