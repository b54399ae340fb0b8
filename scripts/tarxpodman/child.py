"""Programs that must not outlive us, and waiting for them and for a pipe at the same time."""
import ctypes
import os
import select
import signal
import subprocess

PR_SET_PDEATHSIG = 1


def send_on_death(parent, number):
    """A function for the child: this process is sent signal NUMBER when PARENT dies, however it dies."""
    libc = ctypes.CDLL(None, use_errno=True)

    def arm():
        libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)
    return arm


class Child:
    """A running program, in a process group of its own: a Ctrl-C is for us, who then let podman come to its end. It is
    killed when we are. (A podman that lost the reader of its pipe would hang for ever, holding the container's lock.)"""

    def __init__(self, argv, **how):
        die_with_us = send_on_death(os.getpid(), signal.SIGKILL)
        self.process = subprocess.Popen(argv, preexec_fn=die_with_us, process_group=0, **how)
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
