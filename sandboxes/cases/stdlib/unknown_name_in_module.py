# A name that a module lacks is an ImportError that names it.
from math import no_such_name
# expected
#! ImportError: cannot import name 'no_such_name' from 'math' @1
