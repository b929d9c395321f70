# contextlib makes a context manager of a generator function.
from contextlib import contextmanager, suppress


@contextmanager
def section(name):
    print(f"<{name}>")
    yield name.upper()
    print(f"</{name}>")


with section("b") as upper, suppress(KeyError):
    print(upper)
    {}["missing"]
print("after")
# expected
#> <b>
#> B
#> </b>
#> after
