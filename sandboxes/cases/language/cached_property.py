# A cached property is computed once.
from functools import cached_property


class Text:
    def __init__(self, words):
        self.words = words

    @cached_property
    def total(self):
        print("computing")
        return sum(len(word) for word in self.words)


text = Text(["ab", "c"])
print(text.total, text.total)
# expected
#> computing
#> 3 3
