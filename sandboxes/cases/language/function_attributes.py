# Functions and classes know their names and doc strings.
def helper():
    """Help."""


class Tool:
    """Work."""


print(helper.__name__, helper.__doc__, Tool.__doc__)
# expected
#> helper Help. Work.
