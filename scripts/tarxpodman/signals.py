"""Signals that ask for an end, as an exception: what has begun is then brought to its end in order."""
import contextlib
import signal

from tarxpodman.errors import Interrupted

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ORPHANED = signal.SIGUSR1  # the process that we work for has died
ALL = (*ASKING, ORPHANED)


def interrupt(number, _frame):
    hear_no_death()
    raise Interrupted("killed" if number == ORPHANED else f"interrupted by signal {number}", 128 + number)


def hear():
    """From here on each of them is Interrupted."""
    for number in ALL:
        signal.signal(number, interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ALL)


def hear_no_death():
    """The end has begun: whoever dies now must not disturb it."""
    signal.signal(ORPHANED, lambda *_: None)


def hear_no_more():
    """What is left must be done as a whole, and is short."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ALL)


@contextlib.contextmanager
def held_back():
    """They come when this is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ALL)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
