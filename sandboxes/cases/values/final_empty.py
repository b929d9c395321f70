# An empty text is an answer.
FINAL("")
# expected
#. ''
