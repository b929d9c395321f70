# Generators as methods and special methods.
class Tree:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right

    def __iter__(self):
        if self.left:
            yield from self.left
        yield self.value
        if self.right:
            yield from self.right

    def paths(self, prefix=()):
        prefix = (*prefix, self.value)
        yield prefix
        for child in (self.left, self.right):
            if child:
                yield from child.paths(prefix)


tree = Tree(2, Tree(1), Tree(4, Tree(3)))
print(list(tree), list(tree.paths()), 3 in tree, max(tree))
# expected
#> [1, 2, 3, 4] [(2,), (2, 1), (2, 4), (2, 4, 3)] True 4
