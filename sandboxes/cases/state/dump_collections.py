# A dump keeps Counter, defaultdict, deque and dates.
import datetime
from collections import Counter, defaultdict, deque

count, groups, last = Counter("aab"), defaultdict(list), deque([1, 2], maxlen=2)
when = datetime.date(2024, 2, 29)
groups["x"].append(1)
# %% dump
# %%
groups["y"].append(2)
last.append(3)
print(count.most_common(1), dict(groups), last, when)
# expected
# %%
# %%
#> [('a', 2)] {'x': [1], 'y': [2]} deque([2, 3], maxlen=2) 2024-02-29
