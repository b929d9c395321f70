# An index past the end of P is an IndexError.
# context: "abc"

P[3]
# expected
#! IndexError: string index out of range @1
