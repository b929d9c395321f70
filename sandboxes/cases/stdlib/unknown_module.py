# A module that there is not is a ModuleNotFoundError that names it.
import no_such_module
# expected
#! ModuleNotFoundError: No module named 'no_such_module' @1
