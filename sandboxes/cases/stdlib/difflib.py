# Similar words are found.
import difflib

print(difflib.get_close_matches("appel", ["ape", "apple", "peach"], n=1), round(difflib.SequenceMatcher(None, "abcd", "bcde").ratio(), 2))
# expected
#> ['apple'] 0.75
