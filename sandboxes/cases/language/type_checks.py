# isinstance takes tuples and unions; bool is an int; types are compared by identity.
print(isinstance(True, int), isinstance("a", (int, str)), isinstance([], list | dict), type(1) is int, type(None).__name__)
print(isinstance(1.0, int), type("").__name__, isinstance({}, dict), isinstance((), (list, tuple)))
# expected
#> True True True True NoneType
#> False str True True
