# P is looped over character by character, and can be turned into a list.
# context: "aé😀"

for character in P:
    print(character, end=",")
print(list(P), [c for c in P if c > "b"], sorted(P), "".join(reversed(P)), max(P), dict(zip(P, range(3))))
# expected
#> a,é,😀,['a', 'é', '😀'] ['é', '😀'] ['a', 'é', '😀'] 😀éa 😀 {'a': 0, 'é': 1, '😀': 2}
