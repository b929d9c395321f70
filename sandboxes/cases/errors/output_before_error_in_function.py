# Output and variables are kept whatever ends the cell: an error deep in a function, an import, a call too many.
# far: echo
# limits: host_calls=1

def step(n):
    print("step", n, end=";")
    return 1 / (2 - n)


for n in range(5):
    last = n
    step(n)
# %%
print(last, "before the import")
last = "import"
import no_such_module
# %%
print(last, echo("first"))
last = "call"
echo("second")
# %%
last
# expected
#| step 0;step 1;step 2;
#! ZeroDivisionError @3
# %%
#> 2 before the import
#! ModuleNotFoundError @3
# %%
#> import first
#! RuntimeError: host_calls=1 exceeded @3
# %%
#= 'call'
