# Generator expressions feed sum, any, all, max, sorted, join, set and dict.
words = ["pear", "apple", "fig"]
print(sum(len(word) for word in words), any(word == "fig" for word in words), all(words), max(len(word) for word in words))
print(sorted(word[0] for word in words), "-".join(word.upper() for word in words), dict((word, 1) for word in words[:2]))
# expected
#> 12 True True 5
#> ['a', 'f', 'p'] PEAR-APPLE-FIG {'pear': 1, 'apple': 1}
