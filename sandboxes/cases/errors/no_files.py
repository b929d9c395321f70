# There are no files of the machine.
try:
    open("/etc/passwd").read()
except (OSError, NameError, ImportError):
    print("none")
# expected
#> none
