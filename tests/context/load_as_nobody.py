"""Loads a path as a user who may not read everything, and prints why it was refused."""

import os
import sys

from cellblock.errors import ConfigError
from cellblock.host.context import Context

if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
try:
    Context.from_paths(sys.argv[1:])
except ConfigError as error:
    print(error)
