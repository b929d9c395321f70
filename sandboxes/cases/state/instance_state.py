# Objects keep their attributes over cells, and see methods of their class.
class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)
        return len(self.items)


stack = Stack()
# %%
print(stack.push("a"), stack.push("b"))
# %%
stack.label = "mine"
print(stack.items, stack.label)
# expected
# %%
#> 1 2
# %%
#> ['a', 'b'] mine
