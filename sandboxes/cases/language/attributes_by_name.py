# getattr, setattr and hasattr work with names that are computed.
class Box:
    pass


box = Box()
for number, name in enumerate(("a", "b")):
    setattr(box, "field_" + name, number)
print(box.field_b, getattr(box, "field_a"), hasattr(box, "field_c"), getattr(box, "field_c", "none"))
# expected
#> 1 0 False none
