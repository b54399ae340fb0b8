"""A process of its own that cleans up after us if we are killed, which no handler of ours could do.

It is told what there is to do while there is something to do, and does it when our end of its pipe is closed before
we said that all is well."""
import json
import os
import select
import shutil
import signal

from tarxpodman.errors import Failure, Unshared, say
from tarxpodman.freezer import thaw_when_free
from tarxpodman.undo import Undo

PATIENCE = 10  # seconds that podman, which is killed with us, has to be gone


class Guard:
    """A context: leaving it in order ends the guard without its doing anything."""

    def __enter__(self):
        reader, self.writer = os.pipe()
        self.todo = {}
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.writer)
            try:
                watch(reader)
            finally:
                os._exit(0)
        os.close(reader)
        return self

    def __exit__(self, kind, *_):
        """After an exception that nobody has foreseen it does what it would do if we had been killed."""
        if kind is None or issubclass(kind, (Failure, Unshared)):
            self.tell(done=True)
        os.close(self.writer)
        os.waitpid(self.pid, 0)

    def tell(self, **todo):
        """What is to be done from now on; None takes one back. podman: a process that must be gone first; thaw: a
        freezer's file, its word, the container's id; unlink: paths; rmdir: a folder with all that is in it; undo:
        what an Undo is made of; words: for the person."""
        self.todo.update(todo)
        os.write(self.writer, json.dumps(self.todo).encode() + b"\n")


def watch(reader):
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    text = b""
    with os.fdopen(reader, "rb") as lines:
        for line in lines:
            text = line if line.endswith(b"\n") else text
    todo = json.loads(text or b"{}")
    if todo and not todo.get("done"):
        clean_up(todo)


def clean_up(todo):
    if todo.get("podman"):
        wait_for_end(todo["podman"])
    if todo.get("thaw"):
        attempt(thaw_when_free, *todo["thaw"])
    for path in todo.get("unlink") or ():
        attempt(os.unlink, path)
    if todo.get("rmdir"):
        attempt(shutil.rmtree, todo["rmdir"])
    if todo.get("undo"):
        attempt(Undo(**todo["undo"]).run)
    if todo.get("words"):
        attempt(say, todo["words"])


def attempt(action, *arguments, **options):
    """One that cannot be done must not keep the others from being done."""
    try:
        action(*arguments, **options)
    except OSError:
        pass


def wait_for_end(pid):
    try:
        ended = os.pidfd_open(pid)
    except OSError:
        return
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.poll(1000 * PATIENCE)
