# A failing function's changes to globals are kept.
log = []


def work():
    global status
    log.append("started")
    status = "busy"
    raise RuntimeError("failed")


work()
# %%
print(log, status)
# expected
#! RuntimeError: failed @8
# %%
#> ['started'] busy
