# A far function of the name `answer` takes the place of the dict, as a value too, and so it does after a dump.
# far: answer

print(answer("ready"), [answer(text) for text in ("a", "b")])
ask = answer
# %%
FINAL(ask("x"))
# %% dump
# %%
print(answer("ready"), ask("y"))
# %%
answer = {"content": answer("z"), "ready": True}
# expected
#> ready! ['a!', 'b!']
# %%
#. 'x!'
# %%
# %%
#> ready! y!
# %%
#. 'z!'
