#!/usr/bin/env python3
"""terminal.py FRAMES COLUMNS[,COLUMNS] COMMAND...: runs a command on a terminal of that width, which shrinks to
the second one as soon as something is drawn over.

Prints what the screen shows at the end, one line a row. FRAMES gets every line that was erased or written over, as it
stood then. Ends with the command's exit code."""
import fcntl
import os
import pty
import re
import struct
import sys
import termios


class Screen:
    """Enough of a terminal for what a bar needs."""

    def __init__(self, columns):
        self.columns = columns
        self.rows = [""]
        self.row = self.column = 0
        self.frames = []

    def put(self, char):
        if self.column == self.columns:
            self.line_feed()
            self.column = 0
        line = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = line[:self.column] + char + line[self.column + 1:]
        self.column += 1

    def line_feed(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")

    def shrink(self, columns):
        """As terminals do it: lines that are too long now are broken, the cursor stays behind its text."""
        rows, row, column = [], 0, 0
        for number, line in enumerate(self.rows):
            parts = [line[at:at + columns] for at in range(0, len(line), columns)] or [""]
            rows += parts
            if number == self.row:
                row, column = len(rows) - 1, len(parts[-1])
        self.columns, self.rows, self.row, self.column = columns, rows, row, column

    def escape(self, number, letter):
        if letter == "K":
            self.rows[self.row] = self.rows[self.row][:self.column]
        elif letter == "J":
            del self.rows[self.row + 1:]
            self.rows[self.row] = self.rows[self.row][:self.column]
        elif letter == "A":
            self.row = max(0, self.row - int(number or 1))
        else:
            raise ValueError(f"an escape that no bar needs: {letter}")

    def feed(self, text):
        for number, letter, char in re.findall(r"\x1b\[(\d*)([A-Za-z])|(.)", text, re.S):
            if letter:
                self.escape(number, letter)
            elif char == "\r":
                self.frames.append(self.rows[self.row])
                self.column = 0
            elif char == "\n":
                self.line_feed()
            else:
                self.put(char)


def set_columns(fd, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def main():
    widths = [int(width) for width in sys.argv[2].split(",")]
    screen = Screen(widths.pop(0))
    start, started = os.pipe()
    child, fd = pty.fork()
    if child == 0:
        os.read(start, 1)
        os.execvp(sys.argv[3], sys.argv[3:])
    set_columns(fd, screen.columns)
    os.write(started, b"x")
    while True:
        try:
            text = os.read(fd, 65536)
        except OSError:
            break
        if not text:
            break
        screen.feed(text.decode(errors="replace"))
        if widths and len(screen.rows[screen.row]) > widths[0]:
            screen.columns = widths.pop(0)
            set_columns(fd, screen.columns)
            screen.shrink(screen.columns)
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.writelines(frame + "\n" for frame in screen.frames if frame)
    print("\n".join(screen.rows).rstrip("\n"))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


sys.exit(main())
