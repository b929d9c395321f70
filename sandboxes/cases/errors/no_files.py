# There are no files of the machine.
try:
    open("/etc/passwd").read()
except Exception:
    print("none")
# expected
#> none
