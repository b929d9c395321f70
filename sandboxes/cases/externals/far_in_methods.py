# Far functions are called from methods and constructors.
# far: echo


class Client:
    def __init__(self, name):
        self.name = echo(name)

    def ask(self, question):
        return echo(f"{self.name}: {question}")


print(Client("a").ask("b"))
# expected
#> a: b
