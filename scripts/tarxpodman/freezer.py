"""Holding a container's processes still, by its control group, version 1 or 2. runc, crun and CRIU find it frozen,
and leave it so."""
import os
import time

from tarxpodman.errors import Failure

PATIENCE = 10  # seconds


def cgroup_mounts():
    """(version 1's controllers or None, the group that the mount shows, where) of each mount."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            before, _, after = line.partition(" - ")
            root, place = before.split()[3:5]
            kind, _, options = after.split(maxsplit=2)
            if kind == "cgroup":
                yield set(options.strip().split(",")), root, place
            elif kind == "cgroup2":
                yield None, root, place


def group_of(pid, controller):
    """The path of a process' group in the hierarchy with CONTROLLER, or (None) in version 2's; None: in none."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            number, controllers, path = line.rstrip("\n").split(":", 2)
            if (number == "0") if controller is None else (controller in controllers.split(",")):
                return path
    return None


def folder_of(pid, controller):
    """Where that group's files are, or None. The root group is nobody's to freeze."""
    path = group_of(pid, controller)
    if not path or path == "/":
        return None
    for controllers, root, place in cgroup_mounts():
        if (controllers is None) != (controller is None) or (controller and controller not in controllers):
            continue
        below = path[len(root.rstrip("/")):] if path.startswith(root.rstrip("/") + "/") else None
        if below and os.path.isdir(place + below):
            return place + below
    return None


def write(path, word):
    with open(path, "w", encoding="ascii") as file:
        file.write(word)


def runtime_works_on(container):
    """Whether a runtime is taking a checkpoint of it: runc or crun, by their command line. (podman's may have the
    id, too, and so may ours.)"""
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if entry.isdigit() and b"checkpoint" in words and b"--image-path" in words and container.encode() in words:
            return True
    return False


def wait_for_runtime(container):
    """A runtime whose podman has died finishes its work."""
    while runtime_works_on(container):
        time.sleep(0.02)


def thaw_when_free(path, word, container):
    """The runtime leaves the container as it found it: frozen. So thaw it after that."""
    wait_for_runtime(container)
    write(path, word)


class Freezer:
    """The freezer of a container's control group, told by its first process."""

    def __init__(self, pid):
        old = folder_of(pid, "freezer")
        new = None if old else folder_of(pid, None)
        if old:
            self.path, self.freeze_word, self.thaw_word = old + "/freezer.state", "FROZEN", "THAWED"
            self.state, self.frozen = self.path, "FROZEN"
        elif new and os.path.exists(new + "/cgroup.freeze"):
            self.path, self.freeze_word, self.thaw_word = new + "/cgroup.freeze", "1", "0"
            self.state, self.frozen = new + "/cgroup.events", "frozen 1"
        else:
            raise Failure("it has no control group that can be frozen")

    def freeze(self):
        """Returns when all processes stand still."""
        write(self.path, self.freeze_word)
        end = time.monotonic() + PATIENCE
        while True:
            if self.is_frozen():
                return
            if time.monotonic() > end:
                self.thaw()
                raise Failure(f"its processes did not stand still within {PATIENCE} seconds")
            time.sleep(0.002)

    def is_frozen(self):
        with open(self.state, encoding="ascii") as file:
            return self.frozen in file.read().split("\n")

    def thaw(self):
        write(self.path, self.thaw_word)
