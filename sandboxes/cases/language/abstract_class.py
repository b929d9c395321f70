# An abstract class cannot be made before its abstract methods are there.
from abc import ABC, abstractmethod


class Reader(ABC):
    @abstractmethod
    def read(self):
        ...


class Fixed(Reader):
    def read(self):
        return "text"


print(Fixed().read())
try:
    Reader()
except TypeError as error:
    print("abstract" in str(error))
# expected
#> text
#> True
