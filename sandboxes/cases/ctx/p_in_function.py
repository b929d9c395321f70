# Functions use ctx and P of the session, also as default arguments and through aliases.
# context: "alpha beta"


def count(word, text=P):
    return text.count(word), len(P), ctx.find(word)[0][0]


find = ctx.find
print(count("beta"), find("a", max_matches=2), [ctx.slice(i, i + 2) for i in range(0, 4, 2)])
# expected
#> (1, 10, 6) [(0, 1, 'a'), (4, 5, 'a')] ['al', 'ph']
