# The answer may be a part of the context.
# context: "the answer is 42."

FINAL(P[14:16])
# expected
#. '42'
