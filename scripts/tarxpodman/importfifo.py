"""The FIFO that podman takes for the file to be imported.

podman opens it several times, and each time gets what it needs by then: after each opening another FIFO takes the
place of the one that was opened, so that what is written is for that reader alone."""
import errno
import os

from tarxpodman.errors import Failure

MOMENT = 2  # milliseconds


class ImportFifo:
    """In a folder of ours. PATH is for podman."""

    def __init__(self, folder):
        self.path, self.next = os.path.join(folder, "checkpoint.tar"), os.path.join(folder, "next")
        os.mkfifo(self.path, 0o600)

    def wait_for_reader(self, podman):
        """A descriptor to write to for whoever has opened it, or None when podman has ended without."""
        while True:
            try:
                fd = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
            if podman.ends_within(MOMENT):
                return None
        os.mkfifo(self.next, 0o600)
        os.rename(self.next, self.path)
        os.set_blocking(fd, True)
        return fd


def send(fd, stream):
    """All of it, and the end."""
    try:
        with os.fdopen(fd, "wb", buffering=0) as file:
            while stream:
                stream = stream[file.write(stream):]
    except BrokenPipeError:
        pass  # the reader has what it wanted, or podman will say what is wrong


def send_garbage(fd):
    """An end without a beginning would be a valid archive."""
    try:
        send(fd, b"tarx-podman gives up. " * 100)
    except OSError as error:
        raise Failure(f"podman's FIFO: {error.strerror}") from error
