#!/usr/bin/env python3
"""kinds.py DIR GROUP...: makes a tree with one of everything, by groups:

  basic     files, directories, symbolic links, FIFOs, devices, modes, owners, times
  past      times before 1970
  links     hard links to files and symbolic links
  hard      hard links to every kind of entry that can have some
  xattrs    user, trusted and security xattrs with odd names and values; LARGE=N: a value of N bytes
  acls      access and default ACLs
  names     names of odd characters and great length
  bytes     names that are not UTF-8, or not composed (NFD)
  deep      paths longer than PATH_MAX
  sparse    files with holes; HUGE=1: also one of 9 GiB
  flags     file flags that the file system has
  projects  quota projects, inherited and not (XFS)
  subvolumes  btrfs subvolumes, one in another, read-only and not
  socket    a socket, which no archive can hold
"""
import fcntl
import os
import random
import socket
import stat
import struct
import subprocess
import sys

dice = random.Random(4711)
LARGE = int(os.environ.get("LARGE", "2000"))


def write(path, data=b"some bytes\n", mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def basic():
    os.mkdir("basic")
    os.chdir("basic")
    write("empty", b"")
    write("file")
    write("large", dice.randbytes(300000))
    os.mkdir("directory", 0o755)
    write("directory/inside")
    os.mkdir("empty-directory", 0o711)
    os.mkdir("read-only")
    write("read-only/inside")
    os.mkdir("read-only/sub")
    write("read-only/sub/inside")
    os.symlink("file", "link")
    os.symlink("directory", "link-to-directory")
    os.symlink("/no/such/thing", "dangling")
    os.symlink("x" * 1000, "long-link")
    os.symlink("../basic/./file", "roundabout")
    os.mkfifo("fifo", 0o640)
    os.mknod("null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod("large-minor", 0o600 | stat.S_IFCHR, os.makedev(200, 70000))
    try:
        # One bit more, and toybox makes a negative number of it.
        os.mknod("largest-device", 0o600 | stat.S_IFBLK, os.makedev(4095, 524287))
    except OSError:
        pass  # XFS has 18 bits for the minor number
    os.mknod("block", 0o660 | stat.S_IFBLK, os.makedev(7, 200))
    os.mknod("whiteout", stat.S_IFCHR, os.makedev(0, 0))
    for mode in (0o0, 0o400, 0o111, 0o777, 0o4755, 0o2755, 0o1644, 0o6711, 0o7777):
        write(f"mode-{mode:o}", mode=mode)
    for mode in (0o700, 0o1777, 0o2775, 0o3777, 0o555):
        os.mkdir(f"directory-{mode:o}")
        os.chmod(f"directory-{mode:o}", mode)
    for number, (uid, gid) in enumerate(((0, 0), (1, 2), (65534, 65534), (1000, 100), (3000000, 4),
                                         (2097151, 2097152), (4000000000, 4000000001))):
        write(f"owner-{number}")
        os.chown(f"owner-{number}", uid, gid)
    write("owner-setuid")
    os.chown("owner-setuid", 1234, 4321)
    os.chmod("owner-setuid", 0o6755)
    os.symlink("owner-0", "owner-link")
    os.lchown("owner-link", 77, 78)
    for number, when in enumerate((0, 1, 10**9 + 1, 1234567890123456789, 1700000000999999999,
                                   1700000000000000001, 4000000000 * 10**9)):
        write(f"time-{number}")
        os.utime(f"time-{number}", ns=(when, when))
    os.utime("link", ns=(1, 1600000000123456789), follow_symlinks=False)
    os.utime("fifo", ns=(1, 1600000000123456788))
    os.utime("null", ns=(1, 1600000000123456787))
    for number, path in enumerate(("directory", "read-only/sub", "read-only", "empty-directory")):
        os.utime(path, ns=(1, 1500000000111111111 + number))
    os.chmod("read-only/sub", 0o555)
    os.chmod("read-only", 0o500)
    os.chdir("..")


def past():
    os.mkdir("past")
    # Not the last second before 1970 with a fraction: libarchive reads "-0.5" without its sign.
    for number, when in enumerate((-(10**9), -1000000001, -1500000000, -(10**18) - 123456789)):
        write(f"past/time-{number}")
        os.utime(f"past/time-{number}", ns=(when, when))


def linked(top, *names):
    os.mkdir(f"{top}/sub")
    for name in names:
        os.link(f"{top}/a-{name}", f"{top}/z-{name}", follow_symlinks=False)
        os.link(f"{top}/a-{name}", f"{top}/sub/{name}", follow_symlinks=False)


def links():
    os.mkdir("links")
    write("links/a-file", dice.randbytes(5000))
    os.symlink("target", "links/a-link")
    linked("links", "file", "link")


def hard():
    os.mkdir("hard")
    write("hard/a-file", dice.randbytes(5000))
    os.symlink("target", "hard/a-link")
    os.mkfifo("hard/a-fifo")
    os.mknod("hard/a-device", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    linked("hard", "file", "link", "fifo", "device")


def capability(flags, permitted):
    """A version 2 security.capability value, see capabilities(7)."""
    return struct.pack("<IIIII", 0x02000000 | flags, permitted, 0, 0, 0)


def xattrs():
    os.mkdir("xattrs")
    write("xattrs/file")
    os.mkdir("xattrs/directory")
    os.symlink("file", "xattrs/link")
    for path in ("xattrs/file", "xattrs/directory"):
        os.setxattr(path, "user.plain", b"value")
        os.setxattr(path, "user.empty", b"")
        os.setxattr(path, "user.name=with=equals", b"x=y")
        os.setxattr(path, "user.percent%41%", b"100%")
        os.setxattr(path, "user.space and\nnewline", b"line\nline\n")
        os.setxattr(path, b"user.bytes\xff\xfe", bytes(range(256)))
        os.setxattr(path, "user.nul", b"\0\0\0")
        os.setxattr(path, "user.large", dice.randbytes(LARGE))
        os.setxattr(path, "trusted.thing", b"\1\2\3")
    os.setxattr("xattrs/link", "trusted.on-a-link", b"yes", follow_symlinks=False)
    write("xattrs/ping", mode=0o755)
    os.setxattr("xattrs/ping", "security.capability", capability(1, 1 << 13))
    write("xattrs/user-ping", mode=0o755)
    # Version 3, of a user namespace whose root is 100000.
    os.setxattr("xattrs/user-ping", "security.capability",
                struct.pack("<IIIIII", 0x03000001, 1 << 13, 0, 0, 0, 100000))
    try:
        # A label as any other attribute, where nobody watches over labels.
        os.setxattr("xattrs/ping", "security.selinux", b"system_u:object_r:ping_exec_t:s0\0")
    except OSError:
        pass
    write("xattrs/owned-ping", mode=0o755)
    os.chown("xattrs/owned-ping", 1000, 1000)
    os.setxattr("xattrs/owned-ping", "security.capability", capability(0, 1 << 10))


def acls():
    os.mkdir("acls")
    write("acls/file", mode=0o640)
    write("acls/numeric", mode=0o600)
    os.mkdir("acls/directory")

    def setfacl(*arguments):
        subprocess.run(("setfacl", *arguments), check=True)
    setfacl("-m", "u:nobody:rw,g:daemon:r", "acls/file")
    setfacl("-m", "u:54321:rwx,g:54322:r,m::rx", "acls/numeric")
    setfacl("-m", "u:nobody:rwx,d:u:nobody:rwx,d:g:54322:rx,d:o::-", "acls/directory")
    write("acls/directory/inherits")
    os.mkdir("acls/directory/sub")
    # One that no longer has the default entries of its parent.
    write("acls/directory/stripped")
    setfacl("-b", "acls/directory/stripped")
    os.mkdir("acls/directory/bare")
    setfacl("-b", "acls/directory/bare")


def odd_names(top, odd):
    os.mkdir(top)
    for number, name in enumerate(odd):
        path = os.fsencode(top) + b"/" + name
        write(path, b"file %d\n" % number)
        if len(name) < 250:
            os.mkdir(path + b".d")
            write(path + b".d/" + name, b"below %d\n" % number)
            os.symlink(name, path + b".l")


def odd_bytes():
    odd_names("bytes", [b"not-utf8-\xff\xfe\x80", b"latin1-\xe9", b"nfd-e\xcc\x81", b"cut-\xc3",
                        b"surrogate-\xed\xa0\x80", b"long-\xff" + b"x" * 200])


def names():
    odd = [b"new\nline", b"tab\tbell\a", b"-leading-dash", b"--help", b"trailing space ", b" leading",
           b"  ", b"nfc-\xc3\xa9",
           "\u65e5\u672c\u8a9e".encode(), "\U0001f4be".encode(), b"quote'\"`$(x)", b"back\\slash\\n",
           b"*?[glob]", b"...", b".hidden", b"\x7f", b"%41%", b"=", b"a=b", b"#", b"~root",
           b"c" * 255, b"d" * 100, b"e" * 101, b"\xc3\xa9" * 127, b"5 path=x"]
    odd_names("names", odd)
    for length in (98, 99, 154, 155, 156, 255):
        os.makedirs("names/" + "p" * length + "/" + "q" * 100)
        write("names/" + "p" * length + "/" + "q" * 100 + "/file")
    os.link(b"names/new\nline", b"names/z-hard\nlink")


def deep():
    """A chain of folders over 6000 bytes long, with something at its end."""
    fd = os.open(".", os.O_RDONLY)
    os.mkdir("deep")
    for number in range(24):
        name = "deep" if number == 0 else f"{number:02}" + "y" * 250
        if number:
            os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    with open(os.open("file", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd), "wb") as file:
        file.write(dice.randbytes(10000))
    os.symlink("file", "link", dir_fd=fd)
    os.link("file", "hard", src_dir_fd=fd, dst_dir_fd=fd)
    os.mkfifo("fifo", dir_fd=fd)
    os.utime("file", ns=(1, 1234567890987654321), dir_fd=fd)
    os.chmod(f"/proc/self/fd/{fd}", 0o700)
    os.setxattr(f"/proc/self/fd/{fd}", "user.deep", b"down here")
    os.utime(fd, ns=(1, 1400000000123456789))
    os.close(fd)


def holes(name, size, parts):
    with open(name, "wb") as file:
        for offset, data in parts:
            file.seek(offset)
            file.write(data)
        file.truncate(size)


def sparse():
    os.mkdir("sparse")
    mib = 1 << 20
    holes("sparse/all-hole", 16 * mib, [])
    holes("sparse/at-start", 9 * mib, [(8 * mib, dice.randbytes(mib))])
    holes("sparse/at-end", 9 * mib, [(0, dice.randbytes(mib))])
    holes("sparse/many", 20 * mib + 5, [(n * 2 * mib, dice.randbytes(70000)) for n in range(10)])
    holes("sparse/odd", 3 * mib + 1, [(123457, b"some"), (2 * mib + 3, b"more")])
    if os.environ.get("HUGE"):
        holes("sparse/nine-gib", 9 << 30, [(0, b"start"), (5 << 30, dice.randbytes(mib)),
                                            ((9 << 30) - 3, b"end")])


FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602
FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR = 0x801c581f, 0x401c5820
FLAGS = {"append": 0x20, "immutable": 0x10, "nodump": 0x40, "noatime": 0x80, "sync": 0x8,
         "dirsync": 0x10000, "nocow": 0x800000, "compress": 0x4, "dontcompress": 0x400,
         "notail": 0x8000, "topdir": 0x20000, "secdel": 0x1, "undel": 0x2}


def add_flags(path, *words):
    """False: the file system has none of these."""
    fd = os.open(path, os.O_RDONLY)
    try:
        flags = struct.unpack("i", fcntl.ioctl(fd, FS_IOC_GETFLAGS, bytes(4)))[0]
        for word in words:
            flags |= FLAGS[word]
        fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("i", flags))
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def flags():
    os.mkdir("flags")
    os.chdir("flags")
    for word in FLAGS:
        # While it is empty, as some take no others; what forbids writing comes after the bytes.
        late = word in ("append", "immutable")
        for size in (0, 20000):
            name = f"{word}-{size}"
            write(name, b"")
            known = late or add_flags(name, word)
            if not known:
                os.unlink(name)
                continue
            with open(name, "wb") as file:
                file.write(dice.randbytes(size))
            os.utime(name, ns=(1, 1111111111222222222))
            if late:
                add_flags(name, word)
        os.mkdir(f"directory-{word}")
        write(f"directory-{word}/inside", dice.randbytes(9000))
        os.mkdir(f"directory-{word}/sub")
        os.utime(f"directory-{word}", ns=(1, 1111111111333333333))
        if not add_flags(f"directory-{word}", word):
            os.rename(f"directory-{word}", f"plain-{word}")
    # A file of several names; a file in a directory that hands +C down, and has not got it.
    write("a-linked", dice.randbytes(30000))
    os.mkdir("links")
    os.link("a-linked", "links/linked")
    os.link("a-linked", "z-linked")
    add_flags("a-linked", "immutable", "append", "nodump", "sync")
    write("many")
    add_flags("many", "noatime", "nodump", "append")
    if os.path.exists("directory-nocow"):
        write("compressed", b"x" * 200000)
        os.setxattr("compressed", "btrfs.compression", b"zstd")
        add_fsx("compressed", xflags=0x8)  # immutable, by the call that leaves the attribute alone
        os.mkdir("directory-zstd")
        write("directory-zstd/plain")
        os.setxattr("directory-zstd", "btrfs.compression", b"zstd")
        add_flags("directory-zstd/plain", "nodump")
    for name in ("read-only", "read-only-append"):
        write(name, mode=0o400)
        os.chown(name, 1234, 1234)
        add_flags(name, "immutable" if name == "read-only" else "append")
    os.chdir("..")


def add_fsx(path, project=None, xflags=0):
    fd = os.open(path, os.O_RDONLY)
    fields = list(struct.unpack("5I8s", fcntl.ioctl(fd, FS_IOC_FSGETXATTR, bytes(28))))
    fields[0] |= xflags
    fields[3] = fields[3] if project is None else project
    fcntl.ioctl(fd, FS_IOC_FSSETXATTR, struct.pack("5I8s", *fields))
    os.close(fd)


def projects():
    os.mkdir("projects")
    write("projects/none")
    for project in (1, 4711, 4294967294):
        write(f"projects/file-{project}", dice.randbytes(5000))
        add_fsx(f"projects/file-{project}", project)
    os.mkdir("projects/heir")
    write("projects/heir/before")
    write("projects/linked")
    os.link("projects/linked", "projects/heir/linked")
    add_fsx("projects/heir", 77, xflags=0x200)
    write("projects/heir/after")
    os.mkdir("projects/heir/sub")
    write("projects/heir/sub/file")
    write("projects/heir/other")
    add_fsx("projects/heir/other", 78)
    os.mkdir("projects/no-heir")
    add_fsx("projects/no-heir", 79)
    write("projects/no-heir/file")


def btrfs(*arguments):
    subprocess.run(("btrfs", "-q", *arguments), check=True, stdout=subprocess.DEVNULL)


def subvolumes():
    os.mkdir("subvolumes")
    os.chdir("subvolumes")
    for name in ("plain", "read-only", "read-only/inner", "read-only/inner/deeper", "mode"):
        btrfs("subvolume", "create", name)
        write(f"{name}/file", dice.randbytes(5000))
        os.mkdir(f"{name}/directory")
    btrfs("subvolume", "create", "read-only/locked")
    write("read-only/locked/file")
    os.chmod("mode", 0o1731)
    os.chown("mode", 12, 34)
    os.setxattr("mode", "user.note", b"of a subvolume")
    for number, name in enumerate(("plain", "read-only/inner", "mode", "read-only/locked", "read-only")):
        os.utime(name, ns=(1, 1500000000111111111 + number))
    btrfs("property", "set", "-ts", "read-only/locked", "ro", "true")
    btrfs("property", "set", "-ts", "read-only", "ro", "true")
    btrfs("subvolume", "snapshot", "-r", "plain", "snapshot")
    os.chdir("..")


def make_socket():
    os.mkdir("sockets")
    write("sockets/file")
    os.chdir("sockets")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("socket")
    os.chdir("..")


os.umask(0o022)
os.makedirs(sys.argv[1], exist_ok=True)
os.chdir(sys.argv[1])
for group in sys.argv[2:]:
    {"basic": basic, "past": past, "links": links, "hard": hard, "xattrs": xattrs, "acls": acls, "names": names,
     "bytes": odd_bytes, "deep": deep,
     "sparse": sparse, "flags": flags, "projects": projects, "subvolumes": subvolumes,
     "socket": make_socket}[group]()
