"""What is archived: each workload makes its tree on a disk and says what of it goes into archives."""
import fcntl
import os
import random
import shutil
import struct
import subprocess

FICLONERANGE = 0x4020940D
MB = 1000000


class Workload:
    """NAME and TITLE are for people, SIZE is what a disk needs for it, in bytes, copies included."""
    name = title = ""
    dirty = False  # the source is written just before each run, and syncing is part of the time
    overlay = False  # an upper layer, which tarx reads through its mount

    def __init__(self, scale):
        self.scale = scale

    def scaled(self, n):
        return max(1, round(n * self.scale))

    def need(self):
        raise NotImplementedError

    def make(self, disk):
        """Leaves the tree in disk.path("source")."""
        raise NotImplementedError

    def soil(self, disk):
        """Before each run of a dirty workload."""

    def close(self, disk):
        """Takes away what make() mounted."""


NOISE = memoryview(random.Random(0).randbytes(1 << 25))


def write_random(path, size, seed):
    """Pieces of the same noise, each from a place of its own: making new noise would take longer than to archive it."""
    choose = random.Random(seed)
    with open(path, "wb", buffering=0) as file:
        while size > 0:
            part = min(size, 1 << 24)
            at = choose.randrange(len(NOISE) - part + 1)
            size -= file.write(NOISE[at:at + part])


def spread(root, count, directories, size_of, seed):
    """COUNT files of size_of() bytes, spread over DIRECTORIES."""
    choose = random.Random(seed)
    noise = choose.randbytes(1 << 20)
    for d in range(directories):
        os.makedirs(os.path.join(root, f"dir-{d:05}"))
    for n in range(count):
        size = size_of(choose)
        at = choose.randrange(len(noise) - size)
        path = os.path.join(root, f"dir-{n % directories:05}", f"file-{n:07}")
        with open(path, "wb", buffering=0) as file:
            if size:
                file.write(noise[at:at + size])


class Diff(Workload):
    name, title, overlay = "diff", "files of 100 MB and a removed image file in an overlay", True

    def files(self):
        return self.scaled(50)

    def need(self):
        return self.files() * 320 * MB + 600 * MB

    def make(self, disk):
        for name in ("lower", "source", "work", "merged"):
            os.mkdir(disk.path(name))
        with open(disk.path("lower", "image-file"), "w", encoding="ascii") as file:
            file.write("part of the image\n")
        layers = f"lowerdir={disk.path('lower')},upperdir={disk.path('source')}"
        subprocess.run(["mount", "-t", "overlay", "-o", f"{layers},workdir={disk.path('work')}",
                        "overlay", disk.path("merged")], check=True)
        os.mkdir(disk.path("merged", "data"))
        for n in range(self.files()):
            write_random(disk.path("merged", "data", f"file-{n:02}"), 100 * MB, n)
        os.unlink(disk.path("merged", "image-file"))

    def close(self, disk):
        subprocess.run(["umount", disk.path("merged")], check=False)


class Dirty(Workload):
    name, title, dirty = "dirty", "files of 100 MB just written, with a final syncfs", True

    def files(self):
        return self.scaled(50)

    def need(self):
        return self.files() * 320 * MB + 600 * MB

    def make(self, disk):
        os.mkdir(disk.path("source"))

    def soil(self, disk):
        for n in range(self.files()):
            path = disk.path("source", f"file-{n:02}")
            disk.remove(path)
            write_random(path, 100 * MB, n)


class Tree(Workload):
    name, title = "tree", "files of a distribution, from this machine's /usr"

    def need(self):
        return round(self.scale * 8000 * MB) + 1000 * MB

    def make(self, disk):
        files, budget = self.chosen(), self.scale * 1500 * MB
        # The largest give way until the rest is what it should be.
        for path in sorted(files, key=files.get, reverse=True):
            if sum(files.values()) <= budget:
                break
            del files[path]
        for path in sorted(files):
            target = disk.path("source") + path
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(path, target, follow_symlinks=False)

    def chosen(self):
        """Files of /usr, at even distances in the order of their names, with their sizes."""
        paths = sorted(os.path.join(top, name) for top, _, names in os.walk("/usr") for name in names)
        wanted = min(len(paths), self.scaled(25000))
        chosen = (paths[n * len(paths) // wanted] for n in range(wanted))
        return {path: 0 if os.path.islink(path) else os.path.getsize(path) for path in chosen}


class Small(Workload):
    name, title = "small", "files of 0 to 8 KB in 2,000 directories"

    def need(self):
        return round(self.scale * 12000 * MB) + 1000 * MB

    def make(self, disk):
        spread(disk.path("source"), self.scaled(200000), self.scaled(2000),
               lambda choose: choose.randrange(8193), 1)


class Checkpoint(Workload):
    name, title = "checkpoint", "a folder of CRIU's: one image of 4 GB, 60 small ones"

    def need(self):
        return round(self.scale * 16000 * MB) + 1000 * MB

    def make(self, disk):
        os.mkdir(disk.path("source"))
        write_random(disk.path("source", "pages-1.img"), round(self.scale * 4000 * MB), 1)
        for n in range(60):
            write_random(disk.path("source", f"core-{n:02}.img"), 200 + 700 * n, n)


class Fragmented(Workload):
    name, title = "fragmented", "a file of 2 GB in 500,000 extents"

    def need(self):
        return round(self.scale * 12000 * MB) + 2000 * MB

    def make(self, disk):
        """Single blocks of one file, shared into another in the reverse order."""
        blocks = self.scaled(500000)
        os.mkdir(disk.path("source"))
        straight, turned = disk.path("straight"), disk.path("source", "fragmented")
        write_random(straight, blocks * 4096, 1)
        disk.sync()
        with open(straight, "rb") as source, open(turned, "wb") as target:
            for n in range(blocks):
                fcntl.ioctl(target, FICLONERANGE, struct.pack(
                    "=qQQQ", source.fileno(), (blocks - 1 - n) * 4096, 4096, n * 4096))
        os.unlink(straight)


class Million(Workload):
    """Three sizes, to see what one more file costs as the tree grows."""
    title = "files of 0 to 4 KB"

    def __init__(self, scale, count):
        super().__init__(scale)
        self.count = self.scaled(count)
        self.name = f"million-{count // 1000}k"

    def need(self):
        return self.count * 16000 + 1000 * MB

    def make(self, disk):
        spread(disk.path("source"), self.count, max(1, self.count // 100),
               lambda choose: choose.randrange(4097), 1)


def all_workloads(scale):
    return [Diff(scale), Dirty(scale), Tree(scale), Small(scale), Checkpoint(scale), Fragmented(scale),
            *(Million(scale, n) for n in (10000, 100000, 1000000))]
