# After a dump ctx, P and far functions are there, and a rebound name stays rebound.
# context: "the text"
# far: echo

CONTEXT = "mine"
find = ctx.find
# %% dump
# %%
print(P[:3], ctx.len_chars(), CONTEXT, echo(1), find("text"))
# expected
# %%
# %%
#> the 8 mine 1 [(4, 8, 'text')]
