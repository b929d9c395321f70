# Digests and base64.
import base64
import hashlib

print(hashlib.sha256(b"cell").hexdigest()[:16], hashlib.md5("é".encode()).hexdigest()[:8], base64.b64encode(b"\x00\xffab"), base64.b64decode("YWI=").decode())
# expected
#> 39d02b42938b2b75 66ddcd97 b'AP9hYg==' ab
