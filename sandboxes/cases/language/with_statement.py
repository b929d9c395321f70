# A context manager is entered and left, in order, also when its block fails.
class Step:
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        print("enter", self.name)
        return self.name

    def __exit__(self, kind, error, trace):
        print("exit", self.name, kind is not None)
        return kind is ValueError


with Step("a") as a, Step("b") as b:
    print(a + b)
with Step("c"):
    raise ValueError("swallowed")
print("after")
# expected
#> enter a
#> enter b
#> ab
#> exit b False
#> exit a False
#> enter c
#> exit c True
#> after
