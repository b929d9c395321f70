# `from module import *` brings a module's public names.
from math import *

print(floor(pi), sqrt(16))
# expected
#> 3 4.0
