#!/usr/bin/env python3
"""Looks into an archive with other eyes than tarx's.

  archive.py aligned FILE BLOCK MIN    files of MIN bytes and more start on multiples of BLOCK; of those
                                       with holes the first byte that is stored does
  archive.py payloads FILE             "offset size name" of every file, as Python's tarfile sees it
  archive.py sharable FILE BLOCK       bytes of whole blocks in files that start on a block
  archive.py rules FILE BLOCK          the padding keeps to what every reader was seen to accept
  archive.py pax FILE                  "name keyword=value" of every pax record but comments
  archive.py padded FILE               the names of the members that carry padding
  archive.py members FILE              what an archive says of every member, one a line, in its order
  archive.py differ FILE FILE          what two archives say differently of their members
  archive.py notes FILE                "name tarx.KEY=VALUE" of every comment that means something
  archive.py same FILE TREE            the members' bytes are those of the tree's files
"""
import difflib
import os
import sys
import tarfile
from decimal import Decimal


def files(path):
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            if member.isreg():
                yield member


def aligned(path, block, least):
    counted = 0
    for member in files(path):
        size = sum(n for _, n in member.sparse) if member.sparse else member.size
        if size >= int(least) and size:
            counted += 1
            if member.offset_data % int(block):
                print(f"{member.name}: {member.size} bytes at {member.offset_data}, "
                      f"{member.offset_data % int(block)} past a multiple of {block}")
                return 1
    print(f"{counted} aligned")
    return 0 if counted else 1


def payloads(path):
    for member in files(path):
        print(member.offset_data, member.size, member.name)


def sharable(path, block):
    block = int(block)
    print(sum(member.size - member.size % block for member in files(path)
              if member.offset_data % block == 0))


def records(body):
    """The pax records of one header body: (length, keyword, value)."""
    at = 0
    while at < len(body):
        space = body.index(b" ", at)
        length = int(body[at:space])
        record = body[at:at + length]
        if len(record) != length or record[-1:] != b"\n":
            raise ValueError(f"broken record at {at}")
        key, value = body[space + 1:at + length - 1].split(b"=", 1)
        yield length, key, value
        at += length


def headers(path):
    """Every header block as it lies there: (offset, type, name, body or None, size)."""
    with open(path, "rb") as file:
        at = 0
        size_above = None
        while True:
            block = os.pread(file.fileno(), 512, at)
            if len(block) < 512 or block == bytes(512):
                return
            field = block[124:136]
            size = (int.from_bytes(field[1:], "big") if field[0] & 0x80
                    else int(field.rstrip(b" \0") or b"0", 8))
            kind = block[156:157]
            body = None
            if kind in b"xgLK":
                body = os.pread(file.fileno(), size, at + 512)
            if kind == b"x":
                for _, key, value in records(body):
                    if key == b"size":
                        size_above = int(value)
            elif size_above is not None:
                size, size_above = size_above, None
            if kind in (b"1", b"2", b"3", b"4", b"5", b"6"):
                size = 0
            yield at, kind, block[:100].rstrip(b"\0"), body, size
            at += 512 + (size + 511) // 512 * 512


def broken_rules(path, block):
    before = None
    padded = 0
    for at, kind, name, body, size in headers(path):
        if kind not in (b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"x"):
            yield at, f"type flag {kind!r}"
        if kind == b"x":
            if before == b"x":
                yield at, "two x headers in a row"
            if not name or name.endswith(b"/"):
                yield at, f"x header named {name!r}"
            if not size or size % 512 == 0:
                yield at, f"x body of {size} bytes"
            if size > (65536 if block <= 32768 else (1 << 20) - 1):
                yield at, f"x body of {size} bytes"
            comments = False
            for length, key, value in records(body):
                if key == b"comment":
                    padded += 1
                    comments = True
                    if length > 512:
                        yield at, f"comment record of {length} bytes"
                    if value.startswith(b"tarx."):
                        padded -= 1
                        comments = False
                    elif len(set(value)) > 1 or not 32 < (value or b"#")[0] < 127:
                        yield at, f"comment filled with {set(value)}"
                elif comments:
                    yield at, f"{key!r} after a comment record"
        elif not name and kind != b"x":
            yield at, "empty name"
        before = kind
    if not padded:
        yield 0, "no padding at all"
    length = os.stat(path).st_size
    if length % block or length < 10240:
        yield length, "the archive's end is not on a block"
    with open(path, "rb") as file:
        if os.pread(file.fileno(), 1024, length - 1024) != bytes(1024):
            yield length, "no two zero blocks at the end"


def rules(path, block):
    broken = list(broken_rules(path, int(block)))
    for at, what in broken[:20]:
        print(f"at {at}: {what}")
    return 1 if broken else 0


def pax(path):
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            for key, value in member.pax_headers.items():
                if key != "comment":
                    print(f"{member.name} {key}={value}")


def padded(path):
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            if not member.pax_headers.get("comment", "tarx.").startswith("tarx."):
                print(member.name)


def notes(path):
    kept = []
    for _, kind, name, body, _ in headers(path):
        if kind == b"x":
            kept = [value.decode() for _, key, value in records(body)
                    if key == b"comment" and value.startswith(b"tarx.")]
        else:
            for note in kept:
                print(name.decode(errors="replace"), note)
            kept = []


def same(path, tree):
    code = 1
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            if member.isreg():
                code = 0 if code == 1 else code
                with open(os.path.join(tree, member.name), "rb") as file:
                    if file.read() != tar.extractfile(member).read():
                        print(f"{member.name} differs")
                        code = 2
    return code


def told(path):
    kinds = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.LNKTYPE: "hardlink",
             tarfile.SYMTYPE: "symlink", tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block",
             tarfile.DIRTYPE: "directory", tarfile.FIFOTYPE: "fifo"}
    with tarfile.open(path, "r:", encoding="utf-8", errors="surrogateescape") as tar:
        for m in tar:
            mtime = Decimal(m.pax_headers.get("mtime", m.mtime)).normalize()
            device = f" {m.devmajor},{m.devminor}" if m.ischr() or m.isblk() else ""
            yield (f"{kinds.get(m.type, m.type)} {ascii(m.name)} {m.mode:o} "
                   f"{m.uid}({ascii(m.uname)}) {m.gid}({ascii(m.gname)}) {mtime:f} {m.size}"
                   f" {ascii(m.linkname)}{device}")


def members(path):
    for line in told(path):
        print(line)


def differ(one, other):
    texts = [list(told(path)) if os.path.exists(path) else ["(none)"] for path in (one, other)]
    for line in difflib.unified_diff(*texts, n=0, lineterm=""):
        print(line)
    return 1 if texts[0] != texts[1] else 0


VERBS = {"aligned": aligned, "payloads": payloads, "sharable": sharable, "rules": rules,
         "pax": pax, "padded": padded, "notes": notes, "same": same, "members": members,
         "differ": differ}
sys.exit(VERBS[sys.argv[1]](*sys.argv[2:]))
