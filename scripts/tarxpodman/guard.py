"""The work is done by a process of its own, and this one, whose id everybody knows, watches over it.

Killed, we take nothing with us: the process that works learns of it, and treats it as any other interruption; podman,
its child, comes to its end, without which it may not know any more what its container is. If it is the working
process that is killed, podman dies with it (nobody reads its pipe), and what is to be cleaned up is done here."""
import contextlib
import json
import os
import select
import shutil
import signal
import sys

from tarxpodman.child import send_on_death
from tarxpodman.errors import say
from tarxpodman.fate import Fate
from tarxpodman.freezer import thaw_when_free
from tarxpodman.signals import ASKING, ORPHANED, held_back
from tarxpodman.undo import Undo

PATIENCE = 10  # seconds that podman, which is killed with the working process, has to be gone


class Guard:
    """The working process' end of the pipe to the one that watches."""

    def __init__(self, writer):
        self.writer, self.todo = writer, {}

    def tell(self, **todo):
        """What is to be done from now on if we are killed; None takes one back. podman: a process that must be gone
        first; thaw: a freezer's file, its word, the container's id; unlink: paths; rmdir: a folder with all that is in
        it; undo: what an Undo is made of; words: for the person, and fate: what a Fate is made of, whose words go
        with them. alone: nothing has happened, podman shall do it."""
        self.todo.update(todo)
        with held_back(), contextlib.suppress(BrokenPipeError):
            os.write(self.writer, json.dumps(self.todo).encode() + b"\n")


def guarded(work):
    """The exit code of WORK(guard), which is run by another process; None if podman shall do it."""
    reader, writer = os.pipe()
    arm = send_on_death(os.getpid(), ORPHANED)
    with held_back():
        worker = os.fork()
        if worker == 0:
            os.close(reader)
            os._exit(labour(work, Guard(writer), arm))
        before = hand_on_signals(worker)
    os.close(writer)
    todo = last_told(reader)
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)
    code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    if todo.get("alone"):
        for number in ASKING:
            signal.signal(number, before[number])
        return None
    clean_up(todo)
    return code if code >= 0 else 128 - code


def labour(work, guard, arm):
    """In a process group of its own: a terminal's signals are for the process that watches, which hands them on."""
    try:
        os.setpgid(0, 0)
        arm()
        return work(guard)
    except BaseException:  # there is nobody else who could tell
        sys.excepthook(*sys.exc_info())
    return 1


def hand_on_signals(worker):
    """Returns what was done with them before."""
    def hand_on(number, _frame):
        os.kill(worker, number)
    return {number: signal.signal(number, hand_on) for number in ASKING}


def last_told(reader):
    """Whoever is killed while he tells has not told it."""
    text = b"{}"
    with os.fdopen(reader, "rb") as lines:
        for line in lines:
            text = line if line.endswith(b"\n") else text
    return json.loads(text)


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
        fate = Fate(**todo["fate"]).words() if todo.get("fate") else ""
        attempt(say, f"{todo['words']} {fate}".rstrip())


def attempt(action, *arguments):
    """One that cannot be done must not keep the others from being done."""
    with contextlib.suppress(OSError):
        action(*arguments)


def wait_for_end(pid):
    try:
        ended = os.pidfd_open(pid)
    except OSError:
        return
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.poll(1000 * PATIENCE)
