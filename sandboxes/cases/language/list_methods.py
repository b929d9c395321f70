# Lists grow, shrink, sort in place and are searched.
items = [3, 1, 2]
items.append(5)
items.extend([4, 4])
items.insert(1, 9)
items.remove(4)
print(items, items.pop(), items.pop(0), items.index(2), items.count(1))
print(items.sort(reverse=True), items, items.reverse(), items, items.copy(), items + [0], [0] * 3, items.clear(), items)
# expected
#> [9, 1, 2, 5] 4 3 2 1
#> None [] None [] [1, 2, 5, 9] [1, 2, 5, 9, 0] [0, 0, 0] None []
