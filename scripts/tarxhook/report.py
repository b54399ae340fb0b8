"""What the hook says: to standard error, which is CRIU's log, and to a log of its own."""
import os
import sys
import time

LEVELS = ("error", "warning", "info", "debug")


class Failure(Exception):
    """The hook could not do what it was asked for; the text says what and why."""


class Ended(Exception):
    """A signal ended the hook."""


def visible(text):
    """TEXT on one line, whatever bytes a name in it has."""
    safe = "".join(c if c.isprintable() else f"\\{ord(c):03o}" if ord(c) < 256 else
                   f"\\{ord(c) - 0xDC00:03o}" if 0xDC80 <= ord(c) <= 0xDCFF else "?" for c in text)
    return safe.encode("utf-8", "replace").decode()


class Report:
    """Errors and warnings always go to CRIU's log; what LEVEL lets through goes to a log that was opened, too."""

    def __init__(self):
        self.level, self.about, self.file = "info", "", None

    def open(self, path, level, about):
        """A log that cannot be written is no reason to lose a checkpoint."""
        self.level, self.about = level, about
        if not path:
            return
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY |
                         os.O_NONBLOCK, 0o600)
            self.file = os.fdopen(fd, "w", encoding="utf-8", errors="replace")
        except OSError as error:
            self.warning(f"log {path}: {error.strerror}")

    def say(self, level, text):
        if level in ("error", "warning"):
            print(f"tarx-criu-hook: {level}: {visible(text)}", file=sys.stderr, flush=True)
        if self.file and LEVELS.index(level) <= LEVELS.index(self.level):
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            try:
                print(f"{now} {level} {visible(self.about)}: {visible(text)}", file=self.file, flush=True)
            except OSError as error:
                self.file = None
                self.warning(f"log: {error.strerror}")

    def error(self, text):
        self.say("error", text)

    def warning(self, text):
        self.say("warning", text)

    def info(self, text):
        self.say("info", text)

    def debug(self, text):
        self.say("debug", text)
