# A pattern that is no regular expression is a ValueError.
# context: "abc"

ctx.find("(", regex=True)
# expected
#! ValueError: ctx.find: not a regular expression @1
