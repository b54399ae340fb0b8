#!/usr/bin/env python3
"""stream.py -t | -x DIR: Python's tarfile on standard input, which it never seeks in."""
import sys
import tarfile

with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as tar:
    if sys.argv[1] == "-t":
        for member in tar:
            print(ascii(member.name))
    else:
        tar.extractall(sys.argv[2])
