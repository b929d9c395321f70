# Combining characters are characters of their own; equal looks are not equal texts.
print("é" == "e\u0301", len("é"), len("e\u0301"), "e\u0301".upper() == "E\u0301", sorted(["é", "e\u0301", "f"]) == ["e\u0301", "f", "é"])
# expected
#> False 1 2 True True
