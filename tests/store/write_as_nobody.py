"""Opens a store as a user who may not write it, and prints what can be read and why nothing can be written."""

import os
import sys
import urllib.parse  # noqa: F401 - what is loaded late may be out of this user's reach

from cellblock.errors import StoreError
from cellblock.store.opening import open_store

if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
try:
    with open_store(sys.argv[1], tenant="t") as store:
        print([row.payload for row in store.journal.effects("r")])
        store.journal.start_run("s", {})
except StoreError as error:
    print(error)
