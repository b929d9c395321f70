# P is the whole text: length, indexes, slices with steps and negative places.
# context: "hello world"

print(len(P), P[0], P[-1], P[:5], P[-5:], P[::-1], P[1:9:3], P[100:], P[3:3] == "")
# expected
#> 11 h d hello world dlrow olleh eoo  True
