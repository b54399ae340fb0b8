"""podman container checkpoint -e FILE: podman writes all but the files into a pipe, the files are added by sharing."""
import contextlib
import os
import stat

from tarxpodman.container import container_of, require_here
from tarxpodman.errors import Failure, Interrupted, Unshared, say
from tarxpodman.exportpipe import ExportPipe
from tarxpodman.fate import Fate
from tarxpodman.freezer import Freezer, thaw_when_free
from tarxpodman.newfile import NewFile, open_nameless
from tarxpodman.programs import tell_copied
from tarxpodman.signals import hear_no_death, hear_no_more

OURS = ("export", "compress", "ignore-rootfs", "ignore-volumes")
# podman mounts its own over these; what lies there is an empty file or a link that it makes itself.
MADE_BY_PODMAN = ("etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "run/.containerenv")


def is_ours(command):
    """With -e only; all else of a checkpoint is podman's business."""
    return command.verb == "checkpoint" and command.value("export") is not None


def require_shareable(command):
    """Unshared, with the reason, where podman is to do it alone."""
    require_here(command)
    compress = command.value("compress")
    if compress not in (None, "none"):
        raise Unshared(f"compressed by {compress} nothing can be shared")
    for name in ("pre-checkpoint", "all", "create-image", "help"):
        if command.switched(name) or command.value(name):
            raise Unshared(f"--{name} is podman's alone")
    if len(command.operands) + command.switched("latest") != 1:
        raise Unshared("it takes one container")
    path = command.value("export")
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        raise Unshared(f"{path} is not a regular file")
    if not os.path.isdir(os.path.dirname(os.path.realpath(path))):
        raise Unshared(f"{path} has no folder to be in")


def checkpoint(command, podman, tarx, guard):
    """Returns podman's exit code. Unshared is raised before anything has happened."""
    require_shareable(command)
    told = podman.inspect("container", *(["--latest"] if command.switched("latest") else ["--", *command.operands]))
    if told is None:
        raise Unshared("podman does not know the container")
    return Checkpoint(command, podman, tarx, guard, container_of(told)).run()


class Checkpoint:
    """One run, after everything has been looked at."""

    def __init__(self, command, podman, tarx, guard, container):
        self.command, self.podman, self.tarx = command, podman, tarx
        self.guard, self.container = guard, container
        self.fate = Fate(podman.argv, container.id, container.name, container.autoremove)
        self.not_written = f"{command.value('export')} was not written."
        self.freezer = None
        self.leave_running = command.switched("leave-running")
        self.stats = []

    def run(self):
        self.warn_of_leftovers()
        with NewFile(self.command.value("export"), self.guard) as out, ExportPipe() as pipe:
            try:
                self.hold()
                return self.export(out, pipe)
            finally:
                self.let_go()

    def warn_of_leftovers(self):
        for name in ("rootfs-diff.tar", "deleted.files"):
            if os.path.exists(os.path.join(self.container.static, name)):
                say(f"a checkpoint by podman alone has left {name} in {self.container.static}; "
                    f"'podman container restore {self.container.name}' without -i would apply it again")

    def hold(self):
        """A container that goes on running stands still while its files are read."""
        if not self.leave_running or not self.container.pid:
            return
        try:
            freezer = Freezer(self.container.pid)
            if freezer.is_frozen():
                return  # paused by somebody else: podman will refuse it
            self.guard.tell(thaw=[freezer.path, freezer.thaw_word, self.container.id])
            self.freezer = freezer
            freezer.freeze()
        except Interrupted:
            raise
        except (OSError, Failure) as error:
            self.let_go()
            say(f"{self.container.name} cannot be held still, its files are read while it runs: {error}")

    def let_go(self):
        if self.freezer:
            # It may be gone: then there is nobody who stands still.
            with contextlib.suppress(OSError):
                thaw_when_free(self.freezer.path, self.freezer.thaw_word, self.container.id)
            self.guard.tell(thaw=None)
            self.freezer = None

    def podman_words(self, path):
        return ["container", "checkpoint", *self.command.words_without(*OURS), "--compress=none",
                "--ignore-rootfs", "--ignore-volumes", f"--export={path}", "--", *self.command.operands]

    def export(self, out, pipe):
        with self.podman.start(*self.podman_words(pipe.path)) as podman:
            try:
                self.guard.tell(podman=podman.pid, words=f"killed: {self.not_written}", fate=self.fate.told())
                if not pipe.wait_for_data(podman):
                    return self.podman_failed(podman.wait())
                scratch = self.store_files(out)
                pipe.widen()
                self.join(out, pipe, scratch)
                self.let_go()  # not before: podman reads the container's log, too
                code = podman.wait()
                if code != 0:
                    return self.podman_failed(code)
                hear_no_more()
                out.publish()
            except (Failure, OSError) as error:
                self.give_up(podman, pipe, error)
        self.guard.tell(podman=None, words=None)
        tell_copied(self.stats)
        return 0

    def store_files(self, out):
        """The diff and the volumes, each as a tar in a tar that has no name. To be read in this order."""
        scratch = []
        if not self.command.switched("ignore-rootfs"):
            leave_out = [f"--exclude={name}" for name in MADE_BY_PODMAN]
            scratch.append(self.store(out, "--overlay=diff", "--whiteouts=podman", "--anchored", *leave_out,
                                      f"--nest=rootfs-diff.tar={self.container.upper}"))
        if self.container.volumes and not self.command.switched("ignore-volumes"):
            scratch.append(self.store(out, *(f"--nest=volumes/{volume.name}.tar={volume.source}/."
                                             for volume in self.container.volumes)))
        return scratch

    def store(self, out, *words):
        fd = open_nameless(out.folder, self.guard)
        self.stats.append(self.tarx.run("-c", "--align", "--stats", *words, stdout=fd)[1])
        return fd

    def join(self, out, pipe, scratch):
        """What podman writes, and behind it what we wrote."""
        names = [f"/dev/fd/{fd}" for fd in scratch]
        self.tarx.run("--realign", "--align", f"--take-from={self.container.static}", "-", *names,
                      stdin=pipe.fd, stdout=out.fd, fds=scratch)

    def give_up(self, podman, pipe, error):
        """An error of ours, when podman has already begun: it is brought to its end, then the error raised."""
        hear_no_death()
        self.let_go()
        try:
            pipe.drain(podman)
            podman.wait()
        except Interrupted:
            podman.close()
        self.guard.tell(podman=None, words=None)
        text = str(error) if isinstance(error, Failure) else f"{error.filename or 'tarx'}: {error.strerror}"
        raise Failure(f"{text}; {self.not_written} {self.fate.words()}", getattr(error, "code", 125)) from error

    def podman_failed(self, code):
        self.guard.tell(podman=None, words=None)
        say(f"podman has failed (exit {code}); {self.not_written} {self.fate.words()}")
        return code
