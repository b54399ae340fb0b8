"""A file that has no name until it is complete."""
import errno
import os

from tarxpodman.errors import Failure
from tarxpodman.signals import held_back

NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)


def temporary_name():
    return f".tarx-podman-{os.urandom(8).hex()}"


def open_nameless(folder, guard):
    """A descriptor of an empty file on the file system of FOLDER. Where there can be no file without a name it
    has one for a moment."""
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
    except OSError as error:
        if error.errno not in NO_TMPFILE:
            raise
    path = os.path.join(folder, temporary_name())
    with held_back():
        guard.tell(unlink=[path])
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.unlink(path)
        guard.tell(unlink=None)
    return fd


class NewFile:
    """A context. FD is open for writing; publish() gives it the name PATH, in the place of what is there, and
    without that nothing of it stays."""

    def __init__(self, path, guard):
        self.path, self.guard = os.path.realpath(path), guard
        self.folder, self.name = os.path.split(self.path)
        self.fd, self.temporary = -1, None

    def __enter__(self):
        try:
            self.open()
        except OSError as error:
            raise Failure(f"{self.path}: create: {error.strerror}") from error
        return self

    def open(self):
        try:
            self.fd = os.open(self.folder, os.O_TMPFILE | os.O_RDWR, 0o600)
        except OSError as error:
            if error.errno not in NO_TMPFILE:
                raise
            self.take_temporary()
            self.fd = os.open(self.temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def __exit__(self, *_):
        if self.temporary:
            os.unlink(self.temporary)
        os.close(self.fd)

    def take_temporary(self):
        path = os.path.join(self.folder, temporary_name())
        self.guard.tell(unlink=[path])
        self.temporary = path

    def link_to(self, path):
        # With AT_SYMLINK_FOLLOW, which Python only passes on where there is a descriptor of a directory.
        where = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
        try:
            os.link(f"/proc/self/fd/{self.fd}", os.path.basename(path), dst_dir_fd=where, follow_symlinks=True)
        finally:
            os.close(where)

    def publish(self):
        try:
            if not self.temporary:
                try:
                    self.link_to(self.path)
                    return
                except FileExistsError:
                    self.take_temporary()
                    self.link_to(self.temporary)
            os.rename(self.temporary, self.path)
            self.temporary = None
        except OSError as error:
            raise Failure(f"{self.path}: give the finished file its name: {error.strerror}") from error
