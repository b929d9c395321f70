# A parent class can register its children.
class Plugin:
    known = []

    def __init_subclass__(cls, kind="plain", **named):
        super().__init_subclass__(**named)
        cls.kind = kind
        Plugin.known.append(cls.__name__)


class A(Plugin):
    pass


class B(Plugin, kind="special"):
    pass


print(Plugin.known, A.kind, B.kind)
# expected
#> ['A', 'B'] plain special
