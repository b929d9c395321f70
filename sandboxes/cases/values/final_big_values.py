# Large ints, extreme floats and long texts are answers.
FINAL([2**100, -(2**70), float("inf"), 5e-324, "é😀" * 3])
# expected
#. [1267650600228229401496703205376, -1180591620717411303424, inf, 5e-324, 'é😀é😀é😀']
