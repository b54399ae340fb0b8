"""What is dumped or restored: which images, whose, and where its root file system is."""
import json
import os
import re

from .config import WORD
from .report import Failure


def arguments_of(pid):
    """The command line of a process, or nothing."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return []


def fields_of(pid):
    """What /proc/PID/stat says behind the name, which may have blanks."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()


def parent_of(pid):
    try:
        return int(fields_of(pid)[1])
    except (OSError, IndexError):
        return 0


def started(pid):
    """When the process was started, in ticks: with its number it is known for good."""
    try:
        return int(fields_of(pid)[19])
    except (OSError, IndexError):
        return 0


class Mount:
    """A line of mountinfo(5)."""

    def __init__(self, line):
        before, _, after = line.partition(" - ")
        words = before.split(" ")
        self.device, self.root, self.point = words[2], words[3], self.decoded(words[4])
        self.kind = after.split(" ")[0]

    @staticmethod
    def decoded(text):
        return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def mounts_of(pid):
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return [Mount(line.rstrip("\n")) for line in file]
    except OSError as error:
        raise Failure(f"mounts of process {pid}: {error.strerror}") from None


class Container:
    """What CRIU's environment and the processes above the hook tell."""

    def __init__(self, environment):
        given = environment.get("CRTOOLS_IMAGE_DIR", "")
        if not given:
            raise Failure("CRTOOLS_IMAGE_DIR is not set: this is for CRIU to run")
        self.images = self.directory(given)
        # CRIU names the directory by a descriptor of its own.
        found = re.fullmatch(r"/proc/(\d+)/fd/\d+", given)
        self.criu = int(found[1]) if found else os.getppid()
        self.init = environment.get("CRTOOLS_INIT_PID", "")
        self.runtime, self.id = self.find_runtime()

    @staticmethod
    def directory(given):
        try:
            os.stat(given)
            path = os.path.realpath(given)
            if not os.path.samefile(given, path):
                raise Failure(f"image directory {path}: something else is there now")
        except OSError as error:
            raise Failure(f"image directory {given}: {error.strerror}") from None
        if not os.path.isdir(path):
            raise Failure(f"image directory {path}: not a directory")
        return path

    def find_runtime(self):
        """The process of runc or crun that drives CRIU, and the container's id, which is its last argument.
        CRIU alone: none; then the id is in the path of the images, or it is their directory's name."""
        if "swrk" in arguments_of(self.criu):
            runtime = parent_of(self.criu)
            words = arguments_of(runtime)
            if "checkpoint" in words or "restore" in words:
                return runtime, self.proper(words[-1])
        found = re.findall(r"/([0-9a-f]{64})(?=/)", self.images)
        return 0, found[-1] if found else self.proper(os.path.basename(self.images))

    @staticmethod
    def proper(name):
        if name in ("", ".", "..") or "/" in name:
            raise Failure(f"this container's id cannot be part of a path: {name}")
        return name

    def fill(self, template, command=""):
        """A path of the configuration with its %WORDS% filled in."""
        words = {"": "%", "ID": self.id, "IMAGE_DIR": self.images,
                 "IMAGE_NAME": os.path.basename(self.images), "COMMAND": command}
        return os.path.normpath(WORD.sub(lambda found: words[found[1]], template))

    def frozen_overlay(self):
        """Where the overlay of the tasks' root can be read from here."""
        if not self.init:
            raise Failure("diff: CRIU does not tell which process is dumped")
        root = [mount for mount in mounts_of(self.init) if mount.point == "/"]
        if not root or root[-1].kind != "overlay":
            raise Failure(f"diff: the root of process {self.init} is no overlay but "
                          f"{root[-1].kind if root else 'not to be seen'}")
        for mount in mounts_of("self"):
            if mount.device == root[-1].device and mount.root == "/" and self.is_there(mount):
                return mount.point
        return f"/proc/{self.init}/root"

    def coming_overlay(self):
        """The overlay that a container is about to be restored in, by what its runtime was told."""
        if not self.runtime:
            raise Failure("diff: no container runtime above CRIU; give the overlay's path in the place of true")
        bundle = f"/proc/{self.runtime}/cwd"
        try:
            with open(f"{bundle}/config.json", encoding="utf-8") as file:
                root = json.load(file)["root"]["path"]
            root = os.path.realpath(os.path.join(os.readlink(bundle), root))
        except OSError as error:
            raise Failure(f"diff: config.json of the container: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise Failure("diff: config.json of the container does not tell root.path") from None
        return root

    @staticmethod
    def is_there(mount):
        """Nothing else is mounted over it."""
        try:
            info = os.stat(mount.point)
        except OSError:
            return False
        return f"{os.major(info.st_dev)}:{os.minor(info.st_dev)}" == mount.device

    def must_be_overlay(self, path):
        if not any(mount.kind == "overlay" and mount.point == path and self.is_there(mount)
                   for mount in mounts_of("self")):
            raise Failure(f"diff: {path}: no overlay is mounted here")
