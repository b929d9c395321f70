# A string without its end.
# %% quoted
# print("hello)
# expected
#! SyntaxError: unterminated string literal (detected at line 1) @1
