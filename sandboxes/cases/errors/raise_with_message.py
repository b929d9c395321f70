# A raised exception ends the cell with its message.
x = "kept"
raise RuntimeError(f"stopped at {len(x)}")
# expected
#! RuntimeError: stopped at 4 @2
