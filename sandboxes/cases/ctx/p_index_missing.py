# P.index of what is not there is a ValueError.
# context: "abc"

P.index("z")
# expected
#! ValueError: substring not found @1
