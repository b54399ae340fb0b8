#!/usr/bin/env python3
"""odd.py ARCHIVE: a tar from a list of headers on standard input, one a line, as Python values:

  (TYPE, NAME)                       an empty member
  (TYPE, NAME, {FIELD: VALUE})       fields: size, mode, uid, gid, mtime (numbers; negative or large ones in
                                     base-256), link, uname, gname, magic, prefix, data, raw=(offset, bytes)
  (TYPE, [(KEY, VALUE), ...])        x, X or g with these records; TYPE "L", "K": (TYPE, bytes)
  ("raw", bytes)                     as it is

NAME, KEY and VALUE may be bytes. Two blocks of zeros end it unless the last line is ("end", bytes).
"""
import sys


def bytes_of(text):
    return text if isinstance(text, bytes) else text.encode()


def number(value, width):
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return bytes([0xff if value < 0 else 0x80]) + value.to_bytes(width - 1, "big", signed=True)


def header(kind, name, fields):
    block = bytearray(512)

    def put(at, data):
        block[at:at + len(data)] = data

    put(0, bytes_of(name))
    for key, at, width, default in (("mode", 100, 8, 0o644), ("uid", 108, 8, 0), ("gid", 116, 8, 0),
                                    ("size", 124, 12, len(fields.get("data", b""))),
                                    ("mtime", 136, 12, 1000000000)):
        put(at, number(fields.get(key, default), width))
    put(156, bytes_of(kind))
    put(157, bytes_of(fields.get("link", b"")))
    put(257, fields.get("magic", b"ustar\00000"))
    put(265, bytes_of(fields.get("uname", b"")))
    put(297, bytes_of(fields.get("gname", b"")))
    put(345, bytes_of(fields.get("prefix", b"")))
    if "raw" in fields:
        put(*fields["raw"])
    put(148, b" " * 8)
    put(148, b"%06o\0 " % sum(block))
    return bytes(block)


def padded(data):
    return data + bytes(-len(data) % 512)


def record(key, value):
    body = b" " + bytes_of(key) + b"=" + bytes_of(value) + b"\n"
    length = len(body)
    while length != len(body) + len(str(length)):
        length = len(body) + len(str(length))
    return b"%d" % length + body


def part(kind, what, fields=None):
    if kind in ("raw", "end"):
        return what
    if kind in ("x", "X", "g") and isinstance(what, list):
        what = b"".join(record(key, value) for key, value in what)
    if kind in ("x", "X", "g", "A", "L", "K"):
        return header(kind, "header", {"data": what, **(fields or {})}) + padded(what)
    fields = fields or {}
    return header(kind, what, fields) + padded(fields.get("data", b""))


def main():
    parts = [eval(line) for line in sys.stdin if line.strip()]
    with open(sys.argv[1], "wb") as out:
        for entry in parts:
            out.write(part(*entry))
        if parts[-1][0] != "end":
            out.write(bytes(1024))


main()
