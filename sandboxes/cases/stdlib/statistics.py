# Means, medians and deviations.
import statistics

data = [2, 4, 4, 4, 5, 5, 7, 9]
print(statistics.mean(data), statistics.median(data), statistics.mode(data), statistics.pstdev(data), round(statistics.stdev(data), 4))
# expected
#> 5 4.5 4 2.0 2.1381
