# Classes inside of classes and functions.
class Tree:
    class Node:
        def __init__(self, value, *children):
            self.value, self.children = value, children

        def total(self):
            return self.value + sum(child.total() for child in self.children)

    root = Node(1, Node(2), Node(3, Node(4)))


def make(base):
    class Local:
        def value(self):
            return base * 2

    return Local()


print(Tree.root.total(), make(4).value())
# expected
#> 10 8
