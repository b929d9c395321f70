# Coroutines run to their end by asyncio.run.
import asyncio


async def add(a, b):
    await asyncio.sleep(0)
    return a + b


async def main():
    return await asyncio.gather(add(1, 2), add(3, 4))


print(asyncio.run(main()))
# expected
#> [3, 7]
