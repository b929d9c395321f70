# TypedDict, Protocol, Generic and TypeVar are accepted as they are used.
from typing import Generic, Literal, Protocol, TypedDict, TypeVar

T = TypeVar("T")


class Movie(TypedDict, total=False):
    title: str
    year: int


class Speaker(Protocol):
    def speak(self) -> str: ...


class Box(Generic[T]):
    def __init__(self, item: T):
        self.item = item


class Dog:
    def speak(self) -> str:
        return "woof"


def call(speaker: Speaker, mode: Literal["a", "b"] = "a") -> str:
    return speaker.speak() + mode


movie: Movie = {"title": "Alien", "year": 1979}
print(movie["title"], call(Dog()), Box[int](5).item, Box("x").item)
# expected
#> Alien woofa 5 x
