# Decimals compute exactly and are rounded as asked.
from decimal import ROUND_HALF_UP, Decimal

print(Decimal("0.1") + Decimal("0.2"), Decimal("19.99") * 3, Decimal("2.675").quantize(Decimal("0.01"), rounding=ROUND_HALF_UP), Decimal(1) / 3)
print(Decimal("1.10") == Decimal("1.1"), sum(map(Decimal, ["1.1", "2.2"])), int(Decimal("7.9")), float(Decimal("0.5")), str(Decimal("1E+3")))
# expected
#> 0.3 59.97 2.68 0.3333333333333333333333333333
#> True 3.3 7 0.5 1E+3
