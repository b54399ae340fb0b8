"""File systems to measure on: images in memory, or a folder that is there."""
import ctypes
import fcntl
import os
import shutil
import struct
import stat
import subprocess
import tempfile
import time

FS_IOC_FIEMAP = 0xC020660B
FIEMAP_FLAG_SYNC = 1
EXTENT_LAST, EXTENT_SHARED = 0x1, 0x2000
HEADER, EXTENT = struct.Struct("=QQLLLL"), struct.Struct("=QQQ16xL12x")
AT_ONCE = 512
# Bytes of an image, most of them never written. What btrfs has free says when it begins to write small files; a file
# on ext4, where an image may lie, has to stay below 16 TiB.
APPARENT = {"btrfs": 15 << 40, "xfs": 1 << 40, "ext4": 1 << 40}

LIBC = ctypes.CDLL(None, use_errno=True)


def syncfs(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        if LIBC.syncfs(fd) != 0:
            raise OSError(ctypes.get_errno(), f"syncfs {path}")
    finally:
        os.close(fd)


def shared_in_file(path, size):
    """Bytes of a file that lie in extents which others use too, by FIEMAP."""
    shared, at = 0, 0
    fd = os.open(path, os.O_RDONLY)
    try:
        while at < size:
            answer = bytearray(HEADER.size + EXTENT.size * AT_ONCE)
            HEADER.pack_into(answer, 0, at, size - at, FIEMAP_FLAG_SYNC, 0, AT_ONCE, 0)
            fcntl.ioctl(fd, FS_IOC_FIEMAP, answer, True)
            count = HEADER.unpack_from(answer)[3]
            flags = EXTENT_LAST
            for i in range(count):
                logical, _, length, flags = EXTENT.unpack_from(answer, HEADER.size + i * EXTENT.size)
                if flags & EXTENT_SHARED:
                    shared += min(logical + length, size) - max(logical, at)
            if count == 0 or flags & EXTENT_LAST:
                return shared
            at = logical + length
        return shared
    finally:
        os.close(fd)


def shared_in(path):
    """The same of a file, or of all files beneath a directory. -1: the file system does not tell."""
    try:
        if not os.path.isdir(path):
            return shared_in_file(path, os.path.getsize(path))
        return sum(shared_in_file(os.path.join(top, name), size)
                   for top, _, names in os.walk(path) for name in names
                   for size in [regular_size(os.path.join(top, name))] if size)
    except OSError:
        return -1


def regular_size(path):
    info = os.lstat(path)
    return info.st_size if stat.S_ISREG(info.st_mode) else 0


def memory_free():
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


class Disk:
    """A mounted file system called KIND, with ROOT for what is measured on it."""

    def __init__(self, kind, need, folder=None):
        self.kind, self.image = kind, None
        if folder:
            self.root = tempfile.mkdtemp(prefix=".tarx-bench.", dir=folder)
            return
        room = self.room(need)
        self.work = tempfile.mkdtemp(prefix="tarx-bench.", dir=room)
        self.image = os.path.join(self.work, "image")
        self.root = os.path.join(self.work, "disk")
        os.mkdir(self.root)
        try:
            self.make(need)
        except BaseException:
            shutil.rmtree(self.work)
            raise

    def make(self, need):
        with open(self.image, "wb") as image:
            image.truncate(max(need, APPARENT[self.kind]))
        make = {"btrfs": ["mkfs.btrfs", "-q"], "xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"],
                "ext4": ["mkfs.ext4", "-q", "-F"]}[self.kind]
        subprocess.run([*make, self.image], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["mount", "-o", "loop,discard", self.image, self.root], check=True)

    @staticmethod
    def room(need):
        """Memory where half of it is enough; else the folder for temporary files."""
        usable = min(memory_free() * 0.8, shutil.disk_usage("/dev/shm").free)
        if need <= usable:
            return "/dev/shm"
        folder = tempfile.gettempdir()
        if need <= shutil.disk_usage(folder).free:
            return folder
        raise SystemExit(f"tarx-bench: {need >> 20} MB are needed in memory or in {folder}; try --scale")

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def used(self):
        """Bytes in use, once the file system has done what it put off."""
        before = -1
        while True:
            syncfs(self.root)
            info = os.statvfs(self.root)
            now = (info.f_blocks - info.f_bfree) * info.f_frsize
            if now == before:
                return now
            before = now
            time.sleep(0.05)

    def sync(self):
        """Returns when the device has nothing left to do: on XFS discards of what was removed come behind syncfs(2). A btrfs has
        no device by its number, and discards before."""
        syncfs(self.root)
        device = os.stat(self.root).st_dev
        work = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/inflight"
        while os.path.exists(work) and self.inflight(work):
            time.sleep(0.01)

    @staticmethod
    def inflight(work):
        with open(work, encoding="ascii") as file:
            return any(int(number) for number in file.read().split())

    @staticmethod
    def drop_caches():
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
            file.write("3")

    def remove(self, path):
        subprocess.run(["rm", "-rf", "--", path], check=True)

    def close(self):
        if self.image:
            subprocess.run(["umount", "-R", self.root], check=False)
            shutil.rmtree(self.work)
        else:
            shutil.rmtree(self.root)
