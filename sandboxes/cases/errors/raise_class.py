# An exception can be raised as a class, and has no message then.
raise ValueError
# expected
#! ValueError @1
