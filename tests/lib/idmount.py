#!/usr/bin/env python3
"""idmount.py SOURCE DIR FIRST: mounts SOURCE at DIR so that its owner 0 is seen as FIRST, 1 as FIRST + 1, and so
on: an idmapped mount, as containers with a user namespace of their own get for the layers of an image."""
import ctypes
import os
import signal
import sys

libc = ctypes.CDLL(None, use_errno=True)
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
CLONE_NEWUSER, AT_EMPTY_PATH, ATTR_IDMAP = 0x10000000, 0x1000, 0x100000
PR_SET_PDEATHSIG = 1


def call(number, *args):
    result = libc.syscall(number, *args)
    if result < 0:
        sys.exit(f"idmount.py: system call {number}: {os.strerror(ctypes.get_errno())}")
    return result


def user_namespace(first):
    ready, child_ready = os.pipe()
    child = os.fork()
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.write(child_ready, bytes([ctypes.get_errno()]) if libc.unshare(CLONE_NEWUSER) else b"\0")
        signal.pause()
    error = os.read(ready, 1)[0]
    if error:
        sys.exit(f"idmount.py: a user namespace: {os.strerror(error)}")
    for name in ["uid_map", "gid_map"]:
        with open(f"/proc/{child}/{name}", "w", encoding="ascii") as file:
            file.write(f"0 {first} 65536")
    fd = os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return fd


def main():
    source, at, first = sys.argv[1:]
    tree = call(OPEN_TREE, -100, os.fsencode(source), 1)
    attributes = (ctypes.c_uint64 * 4)(ATTR_IDMAP, 0, 0, user_namespace(first))
    call(MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH, attributes, ctypes.sizeof(attributes))
    call(MOVE_MOUNT, tree, b"", -100, os.fsencode(at), 4)


main()
