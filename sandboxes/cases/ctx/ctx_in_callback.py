# ctx and P are used inside key functions, map and filter.
# context: "b a c a b a"

print(sorted(["a", "b", "c"], key=lambda letter: P.count(letter)), list(map(lambda i: ctx.slice(i, i + 1), [0, 2])))
# expected
#> ['c', 'b', 'a'] ['b', 'a']
