"""The start: whose business is it, ours or podman's?"""
import os

from tarxpodman import checkpoint, restore
from tarxpodman.cmdline import parse
from tarxpodman.errors import Failure, Unshared, say
from tarxpodman.guard import guarded
from tarxpodman.programs import Podman, Tarx
from tarxpodman.signals import hear


def ours(command):
    """The function that does it, or None."""
    if command is None:
        return None
    if checkpoint.is_ours(command):
        return checkpoint.checkpoint
    return restore.restore if restore.is_ours(command) else None


def become_podman(program, words, command):
    """podman in our place. Of its own it knows no `podman checkpoint`, only `podman container checkpoint`."""
    if command and "container" not in words:
        at = words.index(command.verb)
        words = [*words[:at], "container", *words[at:]]
    try:
        os.execvp(program, [program, *words])
    except OSError as error:
        say(f"{program}: {error.strerror}")
    return 127


def main(words, tarx, podman):
    """WORDS is podman's command line. Returns the exit code, or becomes podman."""
    command = parse(words)
    action = ours(command)

    def work(guard):
        try:
            hear()
            return action(command, Podman(podman, command.general_words()), Tarx(tarx), guard)
        except Unshared as reason:
            say(f"podman does it alone, copying: {reason}")
            guard.tell(alone=True)
        except Failure as failure:
            say(failure)
            return failure.code
        return 0

    code = guarded(work) if action else None
    return become_podman(podman, words, command) if code is None else code
