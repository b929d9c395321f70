# print can write into a text.
import io

buffer = io.StringIO()
print("a", 1, file=buffer)
print("b", file=buffer, end="")
print(repr(buffer.getvalue()))
# expected
#> 'a 1\nb'
