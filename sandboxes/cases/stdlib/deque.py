# deque grows and shrinks at both ends and forgets beyond its maxlen.
from collections import deque

d = deque([1, 2, 3], maxlen=3)
d.append(4)
d.appendleft(0)
print(d, d.pop(), d.popleft(), list(d), len(d))
d.extend([7, 8])
d.rotate(1)
print(d, d[0], 7 in d)
# expected
#> deque([2], maxlen=3) 3 0 [2] 1
#> deque([8, 2, 7], maxlen=3) 8 True
