# A message of a million characters is cut.
raise ValueError("x" * 1_000_000)
# expected
#! ValueError: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx @1
