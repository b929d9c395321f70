# A heap gives its smallest item first.
import heapq

heap = [5, 1, 4]
heapq.heapify(heap)
heapq.heappush(heap, 0)
print([heapq.heappop(heap) for _ in range(4)], heapq.nlargest(2, [1, 9, 5]), heapq.nsmallest(2, ["bb", "a", "ccc"], key=len))
# expected
#> [0, 1, 4, 5] [9, 5] ['a', 'bb']
