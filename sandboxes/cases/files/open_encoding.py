# Texts are read and written in other encodings; line ends can be chosen.
# far: files

with open("/a", "w", encoding="latin-1", newline="\r\n") as f:
    f.write("é\nx\n")
print(vfs.read("/a", binary=True), open("/a", encoding="latin-1").read().split(), repr(open("/a", encoding="latin-1", newline="").read()))
try:
    open("/a").read()
except UnicodeDecodeError as error:
    print("no UTF-8")
print(open("/a", errors="replace").read().split())
# expected
#> b'\xe9\r\nx\r\n' ['é', 'x'] 'é\r\nx\r\n'
#> no UTF-8
#> ['�', 'x']
