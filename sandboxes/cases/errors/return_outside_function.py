# A return outside of a function is a SyntaxError.
print("never")
return 5
# expected
#! SyntaxError: 'return' outside function @2
