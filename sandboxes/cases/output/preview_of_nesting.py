# Deep nesting is shown to a depth.
[1, [2, [3, [4, [5, [6]]]]]]
# expected
#= [1, [2, [3, [4, ...]]]]
