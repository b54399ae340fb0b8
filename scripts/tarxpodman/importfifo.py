"""The FIFO that podman takes for the file to be imported.

podman opens it several times, and each time gets what it needs by then: after each opening another FIFO takes the
place of the one that was opened, so that what is written is for that reader alone. A reader is never forgotten, whatever
interrupts us: podman would wait for ever."""
import errno
import os

from tarxpodman.signals import held_back

MOMENT = 2  # milliseconds
GARBAGE = b"tarx-podman gives up. " * 100  # an end without a beginning would be a valid archive


class ImportFifo:
    """In a folder of ours. PATH is for podman."""

    def __init__(self, folder):
        self.path, self.next = os.path.join(folder, "checkpoint.tar"), os.path.join(folder, "next")
        self.fd = -1  # to whoever has opened it
        os.mkfifo(self.path, 0o600)

    def wait_for_reader(self, podman):
        """True when somebody has opened it and waits, False when podman has ended without."""
        while self.fd < 0:
            with held_back():
                self.take_reader()
            if self.fd < 0 and podman.ends_within(MOMENT):
                return False
        return True

    def take_reader(self):
        try:
            self.fd = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return
        os.mkfifo(self.next, 0o600)
        os.rename(self.next, self.path)
        os.set_blocking(self.fd, True)

    def send(self, stream):
        """All of it, and the end."""
        with held_back():
            try:
                while stream:
                    stream = stream[os.write(self.fd, stream):]
            except BrokenPipeError:
                pass  # the reader has what it wanted, or podman will say what is wrong
            finally:
                os.close(self.fd)
                self.fd = -1
