# Complex numbers compute and print.
z = 3 + 4j
print(abs(z), z * 1j, z.real, z.conjugate(), complex("1+2j"))
# expected
#> 5.0 (-4+3j) 3.0 (3-4j) (1+2j)
