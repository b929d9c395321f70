# Wrong indentation is an IndentationError or a SyntaxError, with its line.
# %% quoted
# def f():
#     x = 1
#       y = 2
# expected
#! IndentationError|SyntaxError: unexpected indent @3
