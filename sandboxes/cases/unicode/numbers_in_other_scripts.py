# int and float read digits of all scripts.
print(int("٤٢"), int("４２"), float("१.५"))
# expected
#> 42 42 1.5
