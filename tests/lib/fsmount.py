#!/usr/bin/env python3
"""fsmount.py DIR KEY[=VALUE]...: mounts an overlay at DIR by fsopen(2) and fsconfig(2), one option a call
and each as it stands, without escapes. KEY@=PATH hands PATH over as a descriptor."""
import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
MOVE_MOUNT, FSOPEN, FSCONFIG, FSMOUNT = 429, 430, 431, 432
SET_FLAG, SET_STRING, SET_FD, CREATE = 0, 1, 5, 6


def call(number, *args):
    result = libc.syscall(number, *args)
    if result < 0:
        code = ctypes.get_errno()
        sys.exit(f"fsmount.py: system call {number}{args}: {os.strerror(code)}")
    return result


def main():
    at, *options = (os.fsencode(arg) for arg in sys.argv[1:])
    fs = call(FSOPEN, b"overlay", 0)
    for option in options:
        key, equals, value = option.partition(b"=")
        if key.endswith(b"@"):
            call(FSCONFIG, fs, SET_FD, key[:-1], None, os.open(value, os.O_PATH))
        elif equals:
            call(FSCONFIG, fs, SET_STRING, key, value, 0)
        else:
            call(FSCONFIG, fs, SET_FLAG, key, None, 0)
    call(FSCONFIG, fs, CREATE, None, None, 0)
    call(MOVE_MOUNT, call(FSMOUNT, fs, 0, 0), b"", -100, at, 4)


main()
