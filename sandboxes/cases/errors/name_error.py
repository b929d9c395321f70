# A name that is nowhere.
print(undefined_name)
# expected
#! NameError: name 'undefined_name' is not defined @1
