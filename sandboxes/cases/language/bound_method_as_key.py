# A method of an object can be handed over as a function.
votes = {"x": 2, "y": 5, "z": 3}
print(sorted(votes, key=votes.get, reverse=True), max(votes, key=votes.get))
print(list(map(str.strip, [" a ", "b "])), sorted(["b", "A"], key=str.lower))
collected = []
add = collected.append
add(1)
print(collected)
# expected
#> ['y', 'z', 'x'] y
#> ['a', 'b'] ['A', 'b']
#> [1]
