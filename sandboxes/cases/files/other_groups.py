# Checkpoints, forks and strategies are called the same way.
# far: files

print(checkpoint.create("before"), checkpoint.create())
vfs.write("/a", "1")
print(vfs.diff("before"), checkpoint.list())
print(fork.run_all({"x": "1 + 1", "y": "2"}), strategy.status())
# expected
#> before 
#> {'/a': 'removed'} ['before', '']
#> {'x': 5, 'y': 1} {'forks': 2}
