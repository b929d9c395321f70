# P can be rebound; context keeps the text.
# context: "the text"

P = "mine"
print(P, len(P), P[0], context)
# %%
print(P.upper(), len(context))
# expected
#> mine 4 m the text
# %%
#> MINE 8
