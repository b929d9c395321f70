# Output beyond the limit is cut in the middle, and counted.
# limits: output_chars=20

print("a" * 30 + "b" * 30)
# expected
#> aaaaaaaaaabbbbbbbbb
#~ dropped: 41
