# A cell cannot catch the end of its time.
# limits: wall_seconds=0.3

while True:
    try:
        while True:
            pass
    except Exception:
        print("caught")
# expected
#! limit wall_seconds
