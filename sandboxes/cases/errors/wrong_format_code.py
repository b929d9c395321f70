# A format code that a type does not know.
f"{'text':d}"
# expected
#! ValueError: Unknown format code 'd' for object of type 'str' @1
