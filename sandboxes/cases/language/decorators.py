# Decorators wrap functions, take arguments and stack from the inside out.
def times(count):
    def wrap(function):
        def run(*args, **named):
            return [function(*args, **named) for _ in range(count)]

        return run

    return wrap


def shout(function):
    return lambda *args: function(*args).upper()


@times(2)
@shout
def greet(name):
    return f"hi {name}"


print(greet("ann"))
# expected
#> ['HI ANN', 'HI ANN']
