# Comprehensions nest, filter, and build lists, sets and dicts.
pairs = [(x, y) for x in range(4) if x % 2 for y in "ab" if y != "b" or x == 3]
lengths = {word: len(word) for word in "to be or not".split()}
print(pairs, lengths, sorted({n % 3 for n in range(10)}))
print([[row[i] for row in [[1, 2], [3, 4]]] for i in range(2)])
# expected
#> [(1, 'a'), (3, 'a'), (3, 'b')] {'to': 2, 'be': 2, 'or': 2, 'not': 3} [0, 1, 2]
#> [[1, 3], [2, 4]]
