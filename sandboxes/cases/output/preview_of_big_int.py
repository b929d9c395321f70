# An int of thousands of digits is not written out.
7**10_000
# expected
#= <int of more than 4000 digits>
