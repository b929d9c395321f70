# `in`, find, rfind, index, count, startswith and endswith on P.
# context: "banana bread"

print("nana" in P, "x" in P, "x" not in P, P.find("an"), P.find("an", 2), P.rfind("an"), P.find("zz"), P.index("bread"), P.count("a"), P.count("a", 2, 5))
print(P.startswith("ban"), P.endswith("bread"), P.startswith("nan", 2), P.endswith("x"))
# expected
#> True False True 1 3 3 -1 7 4 1
#> True True True False
