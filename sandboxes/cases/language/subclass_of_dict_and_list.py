# Classes made of dict, list, str and int behave as these, with methods of their own.
class Tally(dict):
    def add(self, key, n=1):
        self[key] = self.get(key, 0) + n
        return self


class Stack(list):
    def peek(self):
        return self[-1]


class Name(str):
    def shout(self):
        return self.upper() + "!"


tally = Tally(a=1).add("a").add("b", 5)
stack = Stack([1, 2])
stack.append(3)
print(tally, len(tally), isinstance(tally, dict), stack.peek(), stack[0], Name("ann").shout(), Name("ann") == "ann")
# expected
#> {'a': 2, 'b': 5} 2 True 3 1 ANN! True
