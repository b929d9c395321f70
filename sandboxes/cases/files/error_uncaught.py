# A refused file operation ends the cell with its kind, its text and its line.
# far: files

x = 1
vfs.read("/nothing.txt")
# expected
#! FileNotFoundError: no file '/nothing.txt' @2
