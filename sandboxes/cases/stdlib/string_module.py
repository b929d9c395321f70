# Constants of string, and templates.
import string

print(string.ascii_lowercase[:3], string.digits, "!" in string.punctuation, string.Template("$a-$b").substitute(a=1, b=2))
# expected
#> abc 0123456789 True 1-2
