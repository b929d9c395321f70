# Values can be sent into a generator, and `yield from` passes on another's.
def average():
    total, count, mean = 0, 0, None
    while True:
        total += yield mean
        count += 1
        mean = total / count


def both():
    result = yield from inner()
    print("inner gave", result)


def inner():
    yield 1
    return "done"


running = average()
next(running)
print(running.send(10), running.send(20), list(both()))
# expected
#> inner gave done
#> 10.0 15.0 [1]
