# A cell cannot catch the end of its time.
# limits: wall_seconds=0.2

while True:
    try:
        while True:
            pass
    except Exception:
        print("caught")
# expected
#! limit wall_seconds
