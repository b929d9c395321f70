# A failed assertion carries its message.
count = 3
assert count == 3, "never"
assert count == 4, f"count is {count}"
# expected
#! AssertionError: count is 3 @3
