# A dump keeps plain data with types and order.
data = {"b": [1, 2.5, None], "a": (1, {2, 3}), "text": "é😀", "big": 2**80, "bytes": b"\xff"}
alias = data["b"]
# %% dump
# %%
alias.append("x")
print(data)
# expected
# %%
# %%
#> {'b': [1, 2.5, None, 'x'], 'a': (1, {2, 3}), 'text': 'é😀', 'big': 1208925819614629174706176, 'bytes': b'\xff'}
