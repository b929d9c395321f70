# Everything that a str can do works on P.
# context: "One two, three"

print(P.split(), P.upper(), P.replace("two", "2"), P + "!", "[" + P + "]", f"{P:>16}|{P[:3]!r}", P == "One two, three", P * 2)
# expected
#> ['One', 'two,', 'three'] ONE TWO, THREE One 2, three One two, three! [One two, three]   One two, three|'One' True One two, threeOne two, three
