# A decorator can collect classes and functions.
registry = {}


def register(name):
    def add(thing):
        registry[name] = thing
        return thing

    return add


@register("upper")
def upper(text):
    return text.upper()


@register("counter")
class Counter:
    def __call__(self, text):
        return len(text)


print({name: (thing() if name == "counter" else thing)("abc") for name, thing in sorted(registry.items())})
# expected
#> {'counter': 3, 'upper': 'ABC'}
