"""podman container restore -i FILE: podman makes the container, we put the files into it by sharing."""
import os
import shutil
import stat

from tarxpodman.archive import CONFIG, INVENTORY, SPEC, Archive
from tarxpodman.container import require_here
from tarxpodman.errors import Failure, Interrupted, Unshared, say
from tarxpodman.filling import Filling
from tarxpodman.importfifo import GARBAGE, ImportFifo
from tarxpodman.programs import ToolFailed
from tarxpodman.signals import hear_no_death, hear_no_more, held_back
from tarxpodman.storage import find_storage
from tarxpodman.undo import Undo


def is_ours(command):
    return command.verb == "restore" and command.value("import") is not None


def require_shareable(command):
    require_here(command)
    for name in ("import-previous", "all", "latest", "help"):
        if command.switched(name) or command.value(name):
            raise Unshared(f"--{name} is podman's alone")
    path = command.value("import")
    if command.operands or not os.path.exists(path) or not stat.S_ISREG(os.stat(path).st_mode):
        raise Unshared(f"{path} is not a regular file")


def new_folder():
    """A name for the FIFO's, in memory where there is /run."""
    return os.path.join("/run" if os.access("/run", os.W_OK) else os.environ.get("TMPDIR", "/tmp"),
                        f"tarx-podman-{os.urandom(8).hex()}")


def restore(command, podman, tarx, guard):
    """Returns podman's exit code. Unshared is raised before anything has happened."""
    require_shareable(command)
    folder = new_folder()
    try:
        guard.tell(rmdir=folder)
        os.mkdir(folder, 0o700)
        return Restore(command, podman, tarx, guard, folder).run()
    finally:
        hear_no_more()
        shutil.rmtree(folder, ignore_errors=True)
        guard.tell(rmdir=None)


class Restore:
    """One run."""

    def __init__(self, command, podman, tarx, guard, folder):
        self.command, self.podman, self.tarx = command, podman, tarx
        self.guard, self.folder = guard, folder
        try:
            self.archive = Archive(command.value("import"), tarx, folder)
        except ToolFailed as error:
            raise Unshared(str(error)) from error
        config = self.archive.config
        self.name = command.value("name") or config["name"]
        self.id = None if command.value("name") else config["id"]
        self.storage = find_storage(podman, config["rootfsImageID"] or config["rootfsImageName"])
        self.old_volumes = {name for name in self.archive.volumes() if os.path.exists(self.storage.volume(name))}
        self.undo = self.how_to_undo()
        self.placed = False  # all is where podman wants it
        self.sent = False  # and it has got the inventory

    def how_to_undo(self):
        ours = not self.command.switched("ignore-volumes")
        volumes = [name for name in self.archive.volumes() if ours and name not in self.old_volumes]
        return Undo(self.podman.argv, self.storage.roots, list(self.storage.containers()), [self.id, self.name], volumes)

    def run(self):
        self.archive.tell_unknown()
        first, last = self.archive.stream(CONFIG, SPEC), self.archive.stream(INVENTORY)
        fifo = ImportFifo(self.folder)
        words = self.command.words_without("import")
        with self.podman.start("container", "restore", *words, f"--import={fifo.path}") as podman:
            try:
                self.guard.tell(podman=podman.pid, undo=self.undo.told(),
                                words=f"killed: the restore of {self.name} is undone")
                self.serve(podman, fifo, first, last)
                code = podman.wait()
            except (Failure, OSError) as error:
                self.give_up(podman, fifo, error)
        if code != 0:
            say(f"podman has failed (exit {code}){self.left_behind()}")
        self.guard.tell(podman=None, undo=None, words=None)
        return code

    def serve(self, podman, fifo, first, last):
        """What podman is given is decided by what there is, not by how often it asked: before it has made the
        container it looks at the configuration, then it imports. The inventory, without which it takes nothing for a
        checkpoint, is the only thing that comes from the stream, and last."""
        while fifo.wait_for_reader(podman):
            if not self.placed:
                self.place()
            if self.placed:
                self.send_last(fifo, last)
            else:
                fifo.send(first)

    def send_last(self, fifo, last):
        with held_back():
            fifo.send(last)
            self.sent = True
            self.guard.tell(undo=None, words=f"killed: {self.whole()}")

    def place(self):
        new = self.undo.container()
        if new:
            Filling(self.command, self.archive, self.storage, new, self.folder, self.old_volumes).run(self.tarx)
            self.placed = True

    def give_up(self, podman, fifo, error):
        """An error of ours: podman must not take what is there for an archive, and what it made goes again."""
        hear_no_death()
        try:
            while fifo.wait_for_reader(podman):
                fifo.send(GARBAGE)
            podman.wait()
        except Interrupted:
            podman.close()
        text = str(error) if isinstance(error, Failure) else f"{error.filename or 'tarx'}: {error.strerror}"
        outcome = self.outcome()
        self.guard.tell(podman=None, undo=None, words=None)
        raise Failure(f"{text}; {outcome}", getattr(error, "code", 125)) from error

    def whole(self):
        return f"podman had all it needs, 'podman ps --all' shows what has become of {self.name}"

    def outcome(self):
        """Undoes what is not whole, and tells what is there now."""
        if self.sent:
            return self.whole()
        new = self.undo.container()
        if not new:
            return "nothing was restored"
        if self.undo.run():
            return "the new container was removed again"
        return f"the new container is still there: 'podman rm --force {new.id}' removes it"

    def left_behind(self):
        """What podman has left of it: a container if it had all it needs."""
        if not self.sent:
            return f"; {self.outcome()}"
        new = self.undo.container()
        return f" and left the new container behind: 'podman rm {new.id[:12]}' removes it" if new else ""
