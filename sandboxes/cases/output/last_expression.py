# The last expression's value is shown; those before are not.
1 + 1
"second"
[3, "c"]
# expected
#= [3, 'c']
