"""The pipe that podman takes for the file to be written.

It has no name but that of our descriptor in /proc, so that nothing of it can stay behind. podman opens it for reading
and writing, and therefore never learns that nobody reads: whoever starts podman on it must read it to its end, or
kill podman."""
import contextlib
import fcntl
import os

F_SETPIPE_SZ = 1031
SMALL, LARGE = 1 << 12, 1 << 20  # bytes


class ExportPipe:
    """A context. PATH is for podman, FD for reading."""

    def __enter__(self):
        self.fd, self.writer = os.pipe()
        fcntl.fcntl(self.fd, F_SETPIPE_SZ, SMALL)
        self.path = f"/proc/{os.getpid()}/fd/{self.fd}"
        return self

    def __exit__(self, *_):
        self.let_end()
        os.close(self.fd)

    def wait_for_data(self, podman):
        """True when the first bytes are there: what CRIU had to do is done, and podman's folder complete. False when
        podman has ended without."""
        there = podman.wait_or_readable(self.fd)
        self.let_end()
        return there

    def widen(self):
        """Until here podman was held back from its cleanup; now it may write as fast as it can."""
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.fd, F_SETPIPE_SZ, LARGE)

    def let_end(self):
        """From here on podman alone keeps the pipe open."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def drain(self, podman):
        """Until podman has written all, or has ended."""
        if self.writer >= 0 and not self.wait_for_data(podman):
            return
        while os.read(self.fd, 1 << 16):
            pass
