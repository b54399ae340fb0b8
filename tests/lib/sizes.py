#!/usr/bin/env python3
"""sizes.py DIR [BLOCK]: files of every size around sectors and blocks, some of random sizes.

The bytes differ from file to file and from block to block, so that a block put in the wrong place
shows. The seed is printed; SEED=N in the environment makes the same files again."""
import os
import random
import sys

target = sys.argv[1]
block = int(sys.argv[2]) if len(sys.argv) > 2 else 4096
seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
print(f"# SEED={seed} makes these files again")
dice = random.Random(seed)

sizes = {0, 1, 100, 511, 512, 513, 1023, 1024, 1025, 2048, 5 << 20, (3 << 20) + 777, 1 << 20}
for unit in {4096, block, 1 << 16}:
    for count in (1, 2, 3, 16):
        if unit * count <= 3 << 20:
            sizes.update((unit * count - 1, unit * count, unit * count + 1))
            sizes.update((unit * count - 512, unit * count + 512))

os.makedirs(f"{target}/sub/deeper", exist_ok=True)


def write(path, size):
    with open(path, "wb") as file:
        file.write(dice.randbytes(size))


for size in sorted(sizes):
    write(f"{target}/size-{size}", size)
for number in range(25):
    write(f"{target}/sub/random-{number}", dice.randrange(1 << dice.randrange(1, 21)))
for number in range(3):
    write(f"{target}/sub/deeper/large-{number}", (1 << 20) + dice.randrange(2 << 20))
# Not zero-filled by luck only: one block whose bytes are all zero, and a file that ends in zeros.
with open(f"{target}/sub/zeros-inside", "wb") as file:
    file.write(dice.randbytes(block) + bytes(block) + dice.randbytes(block) + bytes(100))
