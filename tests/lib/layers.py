#!/usr/bin/env python3
"""layers.py make DIR COUNT [PREFIX]     COUNT lower layers DIR/1 (top) to DIR/COUNT, with everything that one
                                  layer may say about those below; PREFIX of the marks: trusted or user
layers.py change MERGED [plain]   writes through an overlay of them; plain: renames no directory of a lower
layers.py whole TREE BLOCK        the bytes of all whole blocks of its files, hard links counted once
"""
import os
import random
import stat
import sys

SIZES = [0, 1, 100, 4095, 4096, 4097, 20000, 65536, 100001]


def write(path, size):
    with open(path, "wb") as file:
        file.write(random.randbytes(size))
    os.chmod(path, random.choice([0o644, 0o600, 0o755]))
    os.utime(path, ns=(10**18 + random.randrange(10**12), 10**18 + random.randrange(10**12)))


def make_layer(top, number, count, prefix):
    mark = prefix + ".overlay."
    os.makedirs(f"{top}/shared/deep/er/dir")
    for size in SIZES:
        write(f"{top}/shared/of-{number}-{size}", size)
    write(f"{top}/shared/in-all", 30000 + number)
    write(f"{top}/shared/deep/er/of-{number}", 8192)
    write(f"{top}/shared/deep/er/dir/in-all", 12288)
    os.makedirs(f"{top}/own-{number}/sub")
    write(f"{top}/own-{number}/sub/file", 50000)
    os.link(f"{top}/own-{number}/sub/file", f"{top}/own-{number}/linked")
    # Hidden in the layer below: a file, a directory, all of a directory, what was a directory.
    for name in ["gone-file", "becomes-dir"]:
        write(f"{top}/{name}-{number}", 9000)
    for name in ["gone-dir", "opaque", "becomes-file"]:
        os.makedirs(f"{top}/{name}-{number}/sub")
        write(f"{top}/{name}-{number}/sub/hidden", 9000)
    if number == count:
        return
    below = number + 1
    for name in ["gone-file", "gone-dir"]:
        os.mknod(f"{top}/{name}-{below}", stat.S_IFCHR, 0)
    os.makedirs(f"{top}/opaque-{below}/sub")
    write(f"{top}/opaque-{below}/sub/seen", 9000)
    os.setxattr(f"{top}/opaque-{below}", mark + "opaque", b"y")
    os.makedirs(f"{top}/becomes-dir-{below}")
    write(f"{top}/becomes-dir-{below}/seen", 9000)
    write(f"{top}/becomes-file-{below}", 9000)


def make(directory, count, prefix="trusted"):
    random.seed(int(count))
    for number in range(1, int(count) + 1):
        make_layer(f"{directory}/{number}", number, int(count), prefix)


def change(merged, plain=""):
    lowest = max(int(name[4:]) for name in os.listdir(merged) if name.startswith("own-"))
    for number in {1, lowest}:
        own = f"{merged}/own-{number}"
        os.chmod(f"{merged}/shared/of-{number}-20000", 0o640)
        os.chown(f"{merged}/shared/of-{number}-65536", 0, 0)
        with open(f"{merged}/shared/of-{number}-100001", "ab") as file:
            file.write(b"more" * 3000)
        os.unlink(f"{merged}/shared/of-{number}-4097")
        with open(f"{own}/linked", "ab") as file:  # breaks the link
            file.write(b"broken")
        os.rename(f"{merged}/shared/of-{number}-4096", f"{own}/came-from-shared")
        os.unlink(f"{own}/sub/file")
        os.rmdir(f"{own}/sub")
        os.mkdir(f"{own}/sub")
        write(f"{own}/sub/new", 40000)
        os.link(f"{own}/sub/new", f"{own}/sub/new too")
        if not plain:
            os.rename(f"{merged}/becomes-file-{number}" if number == lowest
                      else f"{own}/sub/new too", f"{own}/moved")
    if not plain:
        os.rename(f"{merged}/shared/deep", f"{merged}/shared/renamed")
        os.rename(f"{merged}/shared/renamed", f"{merged}/renamed again")
        write(f"{merged}/renamed again/er/added", 16384)
        os.rename(f"{merged}/renamed again/er/dir", f"{merged}/shared/deep")
        os.chmod(f"{merged}/shared/deep/in-all", 0o400)
    os.makedirs(f"{merged}/new/dir")
    write(f"{merged}/new/dir/file", 70000)
    os.symlink("dir/file", f"{merged}/new/link")


def whole(tree, block):
    seen, total = set(), 0
    for directory, _, names in os.walk(tree):
        for name in names:
            info = os.lstat(os.path.join(directory, name))
            if stat.S_ISREG(info.st_mode) and (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                total += info.st_size - info.st_size % int(block)
    print(total)


if __name__ == "__main__":
    {"make": make, "change": change, "whole": whole}[sys.argv[1]](*sys.argv[2:])
