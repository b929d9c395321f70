# Output keeps its order over functions, loops and comprehensions.
def say(word):
    print(word, end=" ")
    return word


[say(word) for word in "a b".split()]
for n in range(2):
    say(str(n))
print("end")
# expected
#> a b 0 1 end
