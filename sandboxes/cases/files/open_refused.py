# What cannot be opened says so as Python does.
# far: files

for path, mode in [("/nothing", "r"), ("/plans", "r"), ("/plans", "w"), ("/a", "q"), ("/a\0b", "w")]:
    try:
        with open(path, mode) as f:
            pass
        print("open", path)
    except (OSError, ValueError) as error:
        print(type(error).__name__)
with open("/a", "w") as f:
    f.write("1")
try:
    open("/a").write("x")
except Exception as error:
    print(type(error).__name__, isinstance(error, OSError))
# %%
open("/nothing.txt")
# expected
#> FileNotFoundError
#> IsADirectoryError
#> IsADirectoryError
#> ValueError
#> ValueError
#> UnsupportedOperation True
# %%
#! FileNotFoundError: /nothing.txt @1
