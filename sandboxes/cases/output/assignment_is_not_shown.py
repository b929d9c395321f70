# A cell that ends with a statement shows nothing.
x = 5
# expected

