# map, filter, zip, enumerate and reversed work together.
names, ages = ["Ann", "Bob", "Cyd"], [31, 25]
print(list(zip(names, ages)), list(enumerate(names, start=1)))
print(list(map(lambda a, b: a * b, [1, 2, 3], [4, 5, 6])), list(filter(None, [0, 1, "", "a"])), list(reversed(ages)))
print(dict(zip(names, ages)), list(zip(*[(1, "a"), (2, "b")])))
# expected
#> [('Ann', 31), ('Bob', 25)] [(1, 'Ann'), (2, 'Bob'), (3, 'Cyd')]
#> [4, 10, 18] [1, 'a'] [25, 31]
#> {'Ann': 31, 'Bob': 25} [(1, 2), ('a', 'b')]
