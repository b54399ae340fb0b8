"""Programs that must not outlive us, and waiting for them and for a pipe at the same time."""
import ctypes
import os
import select
import signal
import subprocess

PR_SET_PDEATHSIG = 1


def die_with(parent):
    """A function for between fork(2) and exec(2): this process is killed when PARENT dies, however it dies. (A
    podman that lost the reader of its pipe would hang for ever, holding the container's lock.)"""
    libc = ctypes.CDLL(None, use_errno=True)

    def arm():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
    return arm


class Child:
    """A running program, in a process group of its own: a Ctrl-C is for us, who then let podman come to its end."""

    def __init__(self, argv, **how):
        self.process = subprocess.Popen(argv, preexec_fn=die_with(os.getpid()), process_group=0, **how)
        self.pid = self.process.pid
        self.ended = os.pidfd_open(self.pid)

    def close(self):
        """Whoever is still there is killed."""
        if self.ended >= 0:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            os.close(self.ended)
            self.ended = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def wait(self):
        """The exit code as a shell has it: 128 and more for a signal."""
        code = self.process.wait()
        return code if code >= 0 else 128 - code

    def wait_or_readable(self, fd):
        """True when there is something to read from FD, False when the program has ended without that."""
        poll = select.poll()
        poll.register(self.ended, select.POLLIN)
        poll.register(fd, select.POLLIN)
        while True:
            seen = dict(poll.poll())
            if seen.get(fd, 0) & select.POLLIN:
                return True
            if self.ended in seen:
                return False

    def ends_within(self, milliseconds):
        """Whether it has ended, or does in that time."""
        poll = select.poll()
        poll.register(self.ended, select.POLLIN)
        return bool(poll.poll(milliseconds))
