#!/usr/bin/env python3
"""compare.py [OPTIONS] A B: two trees are the same in everything a tar archive can keep.

Type, mode, owner, size, device, link target, mtime to the nanosecond, xattrs (ACLs are among them),
file flags, quota projects, which names are hard links of one another, and every byte of every file. Differences are printed one
a line; exit 1 when there are any. Goes down by descriptors, so a path may be of any length, and
looks at data only where files have some, so holes cost nothing.

  --seconds        mtimes only to the whole second
  --no-mtime       no mtimes          --no-xattrs   no xattrs
  --no-owners      no owners          --no-links    hard links not compared
  --no-dir-mtime   no mtimes of directories
  --no-flags       neither file flags nor projects
  --subvolumes     which directories are btrfs subvolumes, and which of them are read-only
  --no-acls        no ACLs            --no-top      no attributes of A and B themselves
  --holes          a file in B takes no more blocks than in A (and 256 KiB)
  --skip=NAME      leaves out that path (may be repeated)
"""
import fcntl
import os
import stat
import struct
import sys

KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "character device", stat.S_IFBLK: "block device", stat.S_IFSOCK: "socket",
}

FS_IOC_GETFLAGS = 0x80086601
FS_IOC_FSGETXATTR = 0x801c581f
BTRFS_IOC_SUBVOL_GETFLAGS = 0x80089419
# secdel, undel, compress, sync, immutable, append, nodump, noatime, dontcompress, journal-data,
# notail, dirsync, topdir, nocow, dax, projinherit; the others are the kernel's own.
FLAGS = 0x2283c4ff


def ask(fd, request, size):
    try:
        return fcntl.ioctl(fd, request, bytes(size))
    except OSError:
        return bytes(size)


def flags_and_project(fd):
    flags = struct.unpack("i", ask(fd, FS_IOC_GETFLAGS, 4))[0] & FLAGS
    return f"{flags:#x}", struct.unpack_from("5I", ask(fd, FS_IOC_FSGETXATTR, 28))[3]


def subvolume(fd):
    """Whether the directory is one, and whether it is read-only."""
    if os.fstat(fd).st_ino != 256:
        return False, False
    try:
        flags = fcntl.ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, bytes(8))
    except OSError:
        return False, False
    return True, bool(struct.unpack("Q", flags)[0] & 2)


def data_ranges(fd, size):
    """The parts of a file that may hold other bytes than zeros."""
    at = 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            return
        at = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, min(at, size)


def differs_at(a, b, size):
    for start, end in sorted([*data_ranges(a, size), *data_ranges(b, size)]):
        while start < end:
            want = min(1 << 20, end - start)
            left, right = os.pread(a, want, start), os.pread(b, want, start)
            if left != right or not left:
                same = next((i for i, (x, y) in enumerate(zip(left, right)) if x != y),
                            min(len(left), len(right)))
                return start + same
            start += len(left)
    return None


class Compare:
    def __init__(self, options, skipped):
        self.options = options
        self.skipped = skipped
        self.seen = 0
        self.found = 0
        self.links = ({}, {})

    def differ(self, path, what, left="", right=""):
        self.found += 1
        if self.found <= 50:
            print(f"{os.fsencode(path)!r}: {what}: {left} | {right}")

    def xattrs(self, parent, name):
        path = f"/proc/self/fd/{parent}/".encode() + name
        try:
            return {key: os.getxattr(path, key, follow_symlinks=False)
                    for key in os.listxattr(path, follow_symlinks=False)}
        except OSError as error:
            return {"listing": str(error).encode()}

    def link_name(self, side, info, path):
        return self.links[side].setdefault((info.st_dev, info.st_ino), path)

    def content(self, parents, name, path, size):
        fds = []
        try:
            for parent in parents:
                fds.append(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=parent))
            at = differs_at(*fds, size)
            if at is not None:
                self.differ(path, f"bytes differ at {at}")
        finally:
            for fd in fds:
                os.close(fd)

    def opened(self, parents, name, path, kind):
        """What is only told of an open file or directory."""
        fds = [os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=p)
               for p in parents]
        checks = []
        if "no-flags" not in self.options:
            checks.append(("flags and project", *(flags_and_project(fd) for fd in fds)))
        if "subvolumes" in self.options and kind == stat.S_IFDIR and path != ".":
            checks.append(("subvolume, read-only", *(subvolume(fd) for fd in fds)))
        for fd in fds:
            os.close(fd)
        for what, left, right in checks:
            if left != right:
                self.differ(path, what, left, right)

    def node(self, parents, name, path):
        a, b = (os.stat(name, dir_fd=p, follow_symlinks=False) for p in parents)
        self.seen += 1
        kind = stat.S_IFMT(a.st_mode)
        if kind != stat.S_IFMT(b.st_mode):
            self.differ(path, "type", KINDS[kind], KINDS[stat.S_IFMT(b.st_mode)])
            return
        if path != "." or "no-top" not in self.options:
            self.attributes(path, a, b, kind)
        if kind in (stat.S_IFREG, stat.S_IFDIR):
            self.opened(parents, name, path, kind)
        if "no-xattrs" not in self.options:
            left, right = (self.xattrs(p, name) for p in parents)
            for key in sorted({*left, *right}):
                if "no-acls" in self.options and key.startswith("system.posix_acl_"):
                    continue
                if left.get(key) != right.get(key):
                    self.differ(path, f"xattr {key!a}", str(left.get(key))[:80],
                                str(right.get(key))[:80])
        if kind == stat.S_IFLNK:
            left, right = (os.readlink(name, dir_fd=p) for p in parents)
            if left != right:
                self.differ(path, "link target", left, right)
        elif kind == stat.S_IFREG and a.st_size == b.st_size:
            self.content(parents, name, path, a.st_size)
        elif kind == stat.S_IFDIR:
            self.directory(parents, name, path)

    def attributes(self, path, a, b, kind):
        options = self.options
        checks = []
        if kind != stat.S_IFLNK:
            checks.append(("mode", oct(a.st_mode), oct(b.st_mode)))
        if "no-owners" not in options:
            checks.append(("owner", (a.st_uid, a.st_gid), (b.st_uid, b.st_gid)))
        if kind in (stat.S_IFREG, stat.S_IFLNK):
            checks.append(("size", a.st_size, b.st_size))
        if kind in (stat.S_IFCHR, stat.S_IFBLK):
            checks.append(("device", a.st_rdev, b.st_rdev))
        if "no-mtime" not in options and not (kind == stat.S_IFDIR and "no-dir-mtime" in options):
            unit = 10**9 if "seconds" in options else 1
            checks.append(("mtime", a.st_mtime_ns // unit, b.st_mtime_ns // unit))
        if "no-links" not in options and kind != stat.S_IFDIR:
            checks.append(("hard link of", self.link_name(0, a, path), self.link_name(1, b, path)))
        if "holes" in options and kind == stat.S_IFREG and b.st_blocks > a.st_blocks + 512:
            self.differ(path, "blocks on disk", a.st_blocks, b.st_blocks)
        for what, left, right in checks:
            if left != right:
                self.differ(path, what, left, right)

    def directory(self, parents, name, path):
        fds = [os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY, dir_fd=p)
               for p in parents]
        left, right = ({os.fsencode(entry) for entry in os.listdir(fd)} for fd in fds)
        for entry in sorted(left | right):
            below = path + "/" + os.fsdecode(entry)
            if below[2:] in self.skipped:
                continue
            if entry not in right:
                self.differ(below, "only in A")
            elif entry not in left:
                self.differ(below, "only in B")
            else:
                self.node(fds, entry, below)
        for fd in fds:
            os.close(fd)


def main():
    options = {arg[2:] for arg in sys.argv[1:] if arg.startswith("--") and "=" not in arg}
    skipped = {arg.split("=", 1)[1] for arg in sys.argv[1:] if arg.startswith("--skip=")}
    trees = [arg for arg in sys.argv[1:] if not arg.startswith("--")]
    known = {"seconds", "no-mtime", "no-xattrs", "no-owners", "no-links", "no-dir-mtime", "holes",
             "no-acls", "no-top", "no-flags", "subvolumes"}
    if len(trees) != 2 or options - known:
        sys.exit(__doc__)
    sys.setrecursionlimit(10000)
    compare = Compare(options, skipped)
    compare.node([os.open(tree, os.O_RDONLY | os.O_DIRECTORY) for tree in trees], b".", ".")
    print(f"{compare.seen} entries, {compare.found} differences")
    sys.exit(1 if compare.found or compare.seen < 2 else 0)


main()
