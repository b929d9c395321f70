# print uses str, containers use repr.
class Both:
    def __str__(self):
        return "str"

    def __repr__(self):
        return "repr"


print(Both(), [Both()], f"{Both()} {Both()!r}", str(Both()))
# expected
#> str [repr] str repr str
