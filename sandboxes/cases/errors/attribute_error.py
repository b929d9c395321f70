# A missing attribute names the type and the attribute.
try:
    "text".push(1)
except AttributeError as error:
    print("'str'" in str(error), "'push'" in str(error))
None.strip()
# expected
#> True True
#! AttributeError: 'NoneType' object has no attribute 'strip' @5
