"""podman and tarx as programs that are run."""
import json
import os
import subprocess
import sys

from tarxpodman.child import Child
from tarxpodman.errors import Failure, say


class Podman:
    """podman with the global options that the person gave."""

    def __init__(self, program, general):
        self.argv = [program, *general]

    def command(self, *words):
        return [*self.argv, *words]

    def inspect(self, kind, *words):
        """What `podman KIND inspect` tells of one thing, or None where there is no such thing."""
        done = subprocess.run(self.command(kind, "inspect", *words), stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
        try:
            told = json.loads(done.stdout) if done.returncode == 0 else []
        except ValueError:
            told = []
        return told[0] if isinstance(told, list) and len(told) == 1 else None

    def ask(self, *words):
        """Its answer, a text, or an empty one."""
        done = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False, text=True, errors="surrogateescape")
        return done.stdout.strip() if done.returncode == 0 else ""

    def run(self, *words):
        """Whether it did what was asked, in silence."""
        return subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0

    def start(self, *words):
        """For a checkpoint or restore: what it says goes where it would have gone without us."""
        return Child(self.command(*words), stdin=subprocess.DEVNULL)


def tell_copied(all_stats):
    """Never in silence: sharing is what this program is for. Of several runs' --stats."""
    copied = sum(stats["bytes"]["copied"] for stats in all_stats)
    if any(stats["refused"]["EXDEV"] for stats in all_stats):
        say(f"{copied} bytes were copied: the file and the container are on different file systems")
    elif any(stats["refused"]["EOPNOTSUPP"] for stats in all_stats):
        say(f"{copied} bytes were copied: this file system cannot share")


class ToolFailed(Failure):
    """A program ended with EXIT."""

    def __init__(self, program, exit_code):
        super().__init__(f"{os.path.basename(program)} could not do all of its work (exit {exit_code})")
        self.exit = exit_code


class Tarx:
    """tarx. What it warns of is passed on."""

    def __init__(self, program):
        self.program = program

    def run(self, *words, before=(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, fds=(), cwd=None):
        """Runs it behind the words BEFORE; returns (standard output where that is ours, its --stats where
        they were asked for). Anything but success is ToolFailed."""
        note = os.memfd_create("stderr")
        try:
            with Child([*before, self.program, *words], stdin=stdin, stdout=stdout, stderr=note,
                       pass_fds=fds, cwd=cwd) as child:
                output = child.process.communicate()[0]
                code = child.wait()
            told = os.pread(note, os.fstat(note).st_size, 0).decode(errors="surrogateescape")
        finally:
            os.close(note)
        stats = self.pass_on(told)
        if code != 0:
            raise ToolFailed(self.program, code)
        return output, stats

    @staticmethod
    def pass_on(told):
        stats = {}
        for line in told.splitlines():
            if line.startswith('{"version"'):
                stats = json.loads(line)
            else:
                print(line, file=sys.stderr, flush=True)
        return stats
