#!/usr/bin/env python3
"""foreign.py KIND ARCHIVE SOURCE [NAME=VALUE...]: the file SOURCE, which has holes, as a member "sparse" of
an archive, between the members "before" and "after"; as programs write it that are not at hand.

KIND   old, star, 0.0, 0.1, 1.0, sun, large (1.0, but "size" is the file's: GNU tar 1.27)
ALIGN=N        the first byte of data lies on a multiple of N
MAP=LIST       another map in the header, "offset,length,..."; the data stay
REAL=N         another size of the file
BLOCKS=N       another number of pairs (0.0, 0.1, 1.0)
EXTRA=K=V      one more record
"""
import os
import sys


def number(value, width=12):
    if value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return bytes([0x80]) + value.to_bytes(width - 1, "big")


def header(name, size, kind=b"0", gnu=False, patches=()):
    block = bytearray(512)
    block[0:len(name)] = name
    block[100:108] = b"0000644\0"
    block[108:116] = block[116:124] = b"0000000\0"
    block[124:136] = number(size)
    block[136:148] = b"%011o\0" % 1000000000
    block[156:157] = kind
    block[257:265] = b"ustar  \0" if gnu else b"ustar\00000"
    for at, data in patches:
        block[at:at + len(data)] = data
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data):
    return data + bytes(-len(data) % 512)


def record(key, value):
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key.encode(), value.encode())


def data_ranges(fd, size):
    at = 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            return
        at = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        yield start, at - start


def header_map(pairs):
    """Old GNU's and star's: four pairs in the header, 21 in each block that goes on."""
    text = [number(off) + number(length) for off, length in pairs]
    more, rest = [], text[4:]
    while rest:
        more.append(b"".join(rest[:21]).ljust(504, b"\0") + (b"\1" if rest[21:] else b"\0")
                    + bytes(7))
        rest = rest[21:]
    return b"".join(text[:4]), b"".join(more)


def x_header(records):
    return header(b"PaxHeaders/sparse", len(records), b"x") + padded(records)


class Sparse:
    def __init__(self, kind, source, options):
        self.kind = kind
        self.options = options
        fd = os.open(source, os.O_RDONLY)
        self.size = os.fstat(fd).st_size
        ranges = list(data_ranges(fd, self.size))
        self.data = b"".join(os.pread(fd, length, start) for start, length in ranges)
        # GNU tar's last pair says where the file ends.
        self.pairs = [*ranges, (self.size, 0)]
        if kind == "sun":
            self.data = os.pread(fd, self.size, 0)
        if "MAP" in options:
            numbers = [int(text) for text in options["MAP"].split(",") if text]
            self.pairs = list(zip(numbers[::2], numbers[1::2]))
        self.real = int(options.get("REAL", self.size))
        self.blocks = options.get("BLOCKS", str(len(self.pairs)))

    def parts(self):
        """(the records, the header behind them, what stands before the data)"""
        real, flat = str(self.real), [str(n) for pair in self.pairs for n in pair]
        records, before, name = b"", b"", b"sparse"
        stored = len(self.data)
        if self.kind in ("old", "star"):
            first, more = header_map(self.pairs)
            at = (386, 482, 483) if self.kind == "old" else (356, 355, 452)
            patches = [(at[0], first), (at[1], b"\1" if more else b"\0"),
                       (at[2], number(self.real))]
            if self.kind == "star":
                patches.append((508, b"tar\0"))
                records = record("SCHILY.realsize", real)
            return records, header(name, stored, b"S", self.kind == "old", patches), more
        if self.kind == "0.0":
            records = record("GNU.sparse.size", real) + record("GNU.sparse.numblocks", self.blocks)
            for off, length in self.pairs:
                records += record("GNU.sparse.offset", str(off))
                records += record("GNU.sparse.numbytes", str(length))
        elif self.kind == "0.1":
            records = (record("GNU.sparse.size", real)
                       + record("GNU.sparse.numblocks", self.blocks)
                       + record("GNU.sparse.map", ",".join(flat)))
        elif self.kind in ("1.0", "large"):
            records = (record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0")
                       + record("GNU.sparse.name", "sparse")
                       + record("GNU.sparse.realsize", real))
            before = padded("".join(f"{n}\n" for n in [self.blocks, *flat]).encode())
            name = b"GNUSparseFile.0/sparse"
            if self.kind == "large":
                records += record("size", real)
        elif self.kind == "sun":
            marks = []
            for off, length in self.pairs:
                marks += [off, off + length] if length else [off]
            records = record("SUN.holesdata", " " + " ".join(map(str, marks)))
        return records, header(name, stored + len(before)), before

    def write(self, out):
        align = int(self.options.get("ALIGN", "1"))
        records, own, before = self.parts()
        if "EXTRA" in self.options:
            records += record(*self.options["EXTRA"].split("=", 1))
        head = x_header(records) if records else b""
        while align > 1 and (out.tell() + len(head) + len(own) + len(before)) % align:
            out.write(header(b"empty-%d" % out.tell(), 0))
        out.write(head + own + before + padded(self.data))


def main():
    kind, archive, source = sys.argv[1:4]
    options = dict(arg.split("=", 1) for arg in sys.argv[4:])
    with open(archive, "wb") as out:
        out.write(header(b"before", 600) + padded(b"B" * 600))
        Sparse(kind, source, options).write(out)
        out.write(header(b"after", 70000) + padded(b"A" * 70000))
        out.write(bytes(10240 + -out.tell() % 65536))


main()
