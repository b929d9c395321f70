# A far function is a value: it is kept in variables and dicts, and handed over.
# far: echo remember

tools = {"e": echo, "r": remember}
ask = tools["e"]


def use(function, value):
    return function(value)


print(ask(1), use(ask, 2), tools["r"]("x"))
# expected
#> 1 2 1
