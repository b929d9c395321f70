# Time that the host takes to answer is not the cell's.
# limits: wall_seconds=0.3
# far: pause

print(pause(0.5))
# expected
#> done
