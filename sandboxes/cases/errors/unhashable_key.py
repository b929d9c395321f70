# A list is no key.
{[1]: 2}
# expected
#! TypeError: unhashable type: 'list' @1
