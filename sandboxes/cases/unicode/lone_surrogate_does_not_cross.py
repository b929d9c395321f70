# A text with a lone surrogate does not cross.
# far: echo

try:
    echo("\udc80")
except (ValueError, TypeError):
    print("refused")
# expected
#> refused
