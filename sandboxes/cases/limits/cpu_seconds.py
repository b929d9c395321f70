# A cell that computes too much is ended by its processor time.
# limits: cpu_seconds=0.3, wall_seconds=20

while True:
    pass
# expected
#! limit cpu_seconds
