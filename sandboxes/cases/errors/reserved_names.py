# Names that the sandbox keeps for itself cannot be used.
_cb_show = 5
# expected
#! NameError: names that begin with '_cb_' are reserved
