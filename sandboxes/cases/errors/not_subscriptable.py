# None has no items: the usual mistake after a search without a match.
import re

re.search("z", "abc")[0]
# expected
#! TypeError: 'NoneType' object is not subscriptable @3
