# FINAL_VAR of a name that there is not is an error that names it.
FINAL_VAR("nothing_here")
# expected
#! NameError: FINAL_VAR: no variable named 'nothing_here'
