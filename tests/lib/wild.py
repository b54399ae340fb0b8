#!/usr/bin/env python3
"""wild.py TREE SEED COUNT    COUNT random changes of a tree, which may be an overlay

Whatever is there is never written through: links that lead out of the tree lead nowhere.
"""
import ctypes
import errno
import os
import random
import shutil
import stat
import subprocess
import sys

NAMES = ["a", "b", "c", "sub", "deep", "x y", "\u00e4", "-n", "w\\h", "e.wh.x", "l\nf"]
SIZES = [0, 0, 1, 100, 4096, 4097, 20000, 70000, 131072]
MODES = [0o600, 0o644, 0o4755, 0o2710, 0o1777, 0o400]
# What the kernel may refuse: a rename that would need a redirect, a name that is there, and the like.
REFUSALS = {errno.EXDEV, errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR, errno.ENOTDIR, errno.ENOENT,
            errno.EINVAL, errno.ELOOP, errno.EPERM, errno.EIO, errno.ENODATA, errno.ENXIO, errno.ESTALE}
EXCHANGE = 2


class Wild:
    def __init__(self, top, seed):
        self.top = top
        self.random = random.Random(int(seed))
        self.libc = ctypes.CDLL(None, use_errno=True)

    def all(self, *types):
        found = []
        for path, dirs, files in os.walk(self.top):
            found += [os.path.join(path, name) for name in dirs + files]
        return sorted(p for p in found if stat.S_IFMT(os.lstat(p).st_mode) in types)

    def any(self, *types):
        found = self.all(*(types or (stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR)))
        if not found:
            raise OSError(errno.ENOENT, "nothing of that kind")
        return self.random.choice(found)

    def new(self):
        return os.path.join(self.random.choice([self.top] + self.all(stat.S_IFDIR)),
                            self.random.choice(NAMES))

    def write(self, path):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
        fd = os.open(path, flags, 0o644)
        with os.fdopen(fd, "wb") as file:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                file.write(self.random.randbytes(self.random.choice(SIZES)))

    def remove(self, path):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            shutil.rmtree(path)
        else:
            os.unlink(path)

    def do_write(self):
        self.write(self.new())

    def do_mkdir(self):
        os.mkdir(self.new())

    def do_symlink(self):
        os.symlink(self.random.choice(["a", "/nonexistent/x", "../x", "b" * 150]), self.new())

    def do_special(self):
        if self.random.random() < .5:
            os.mkfifo(self.new())
        else:
            os.mknod(self.new(), stat.S_IFCHR | 0o600, os.makedev(1, 3))

    def do_link(self):
        os.link(self.any(), self.new(), follow_symlinks=False)

    def do_remove(self):
        self.remove(self.any())

    def do_remove_tree(self):
        self.remove(self.any(stat.S_IFDIR))

    def do_make_again(self):
        path = self.any(stat.S_IFDIR)
        names = os.listdir(path)
        self.remove(path)
        os.mkdir(path)
        for name in names:
            if self.random.random() < .5:
                self.random.choice([self.write, os.mkdir])(os.path.join(path, name))

    def do_other_kind(self):
        path = self.any(self.random.choice([stat.S_IFDIR, stat.S_IFREG]))
        self.remove(path)
        self.random.choice([self.write, os.mkdir, os.mkfifo, lambda p: os.symlink("x", p)])(path)

    def do_rename(self):
        os.rename(self.any(), self.new())

    def do_rename_tree(self):
        path, to = self.any(stat.S_IFDIR), self.new()
        os.rename(path, to)
        if self.random.random() < .4:
            self.random.choice([self.write, os.mkdir])(path)

    def do_exchange(self):
        paths = [os.fsencode(self.any(self.random.choice([stat.S_IFDIR, stat.S_IFREG]))) for _ in "12"]
        self.libc.renameat2(-100, paths[0], -100, paths[1], EXCHANGE)

    def do_change_bytes(self):
        path = self.any(stat.S_IFREG)
        with open(path, "r+b") as file:
            file.seek(self.random.randrange(os.path.getsize(path) + 1))
            file.write(self.random.randbytes(self.random.choice([0, 50, 9000])))

    def do_truncate(self):
        os.truncate(self.any(stat.S_IFREG), self.random.choice([0, 10, 5000, 200000]))

    def do_mode(self):
        os.chmod(self.any(stat.S_IFREG, stat.S_IFDIR, stat.S_IFIFO), self.random.choice(MODES))

    def do_owner(self):
        os.chown(self.any(stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK), self.random.randrange(3),
                 self.random.randrange(3), follow_symlinks=False)

    def do_time(self):
        when = self.random.randrange(-10**17, 2 * 10**18)
        os.utime(self.any(stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK), ns=(when, when),
                 follow_symlinks=False)

    def do_attribute(self):
        path = self.any(stat.S_IFREG, stat.S_IFDIR)
        os.setxattr(path, self.random.choice(["user.u", "trusted.t", "security.s"]),
                    self.random.randbytes(self.random.choice([0, 1, 300])))

    def do_take_attributes(self):
        path = self.any(stat.S_IFREG, stat.S_IFDIR)
        for name in os.listxattr(path):
            os.removexattr(path, name)

    def do_acl(self):
        path = self.any(stat.S_IFREG, stat.S_IFDIR)
        subprocess.run(["setfacl", "-m", f"u:{self.random.randrange(1, 9)}:rx", path], check=True)

    def run(self, count):
        # What adds comes more often than what takes away.
        kinds = sorted(name for name in dir(self) if name.startswith("do_"))
        kinds += ["do_write", "do_mkdir"] * 3 + ["do_link", "do_rename_tree", "do_make_again"]
        for _ in range(int(count)):
            try:
                getattr(self, self.random.choice(kinds))()
            except OSError as error:
                if error.errno not in REFUSALS:
                    raise


if __name__ == "__main__":
    Wild(sys.argv[1], sys.argv[2]).run(sys.argv[3])
