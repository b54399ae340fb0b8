"""What can go wrong, as one kind of exception."""
import sys

PODMAN_ERROR = 125  # what podman ends with when it is podman that failed


class Failure(Exception):
    """What went wrong, in words for a person. CODE is what the program ends with."""

    def __init__(self, text, code=PODMAN_ERROR):
        super().__init__(text)
        self.code = code


class Interrupted(Failure):
    """A signal asked us to stop."""


class Unshared(Exception):
    """Why podman's own way has to be taken: nothing has happened yet, and nothing failed."""


def say(text):
    """A line for the person; standard output is podman's."""
    print(f"tarx-podman: {text}", file=sys.stderr, flush=True)
