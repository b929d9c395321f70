# A cell may define a print of its own.
kept = []
real = print


def print(*args):
    kept.append(args)


print("not shown")
real(kept)
# expected
#> [('not shown',)]
