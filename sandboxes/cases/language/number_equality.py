# Equal numbers of different types are one key.
print(len({1: "int", 1.0: "float", True: "bool"}), 1 == 1.0 == True, hash(2) == hash(2.0), float("nan") == float("nan"), 0.0 == -0.0)
# expected
#> 1 True True False True
