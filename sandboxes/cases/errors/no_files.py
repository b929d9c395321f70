# There are no files of the machine, and without files of its own a session says so.
try:
    open("/etc/passwd").read()
except Exception:
    print("none")
# %%
try:
    with open("notes.txt", "w") as f:
        f.write("x")
except PermissionError as error:
    print("no files" in str(error) or "not in a sandbox" in str(error))
# %%
open("notes.txt", "w")
# expected
#> none
# %%
#> True
# %%
#! PermissionError @1
