# The value of a function call is shown.
def f():
    return {"answer": 42}


f()
# expected
#= {'answer': 42}
