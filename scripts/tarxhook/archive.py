"""tarx as the hook runs it, and the archive's own description of what is in it."""
import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time

from .report import Failure

SELF = "tarx-criu-hook.json"
IMAGES = "checkpoint"
DIFF = "rootfs-diff.tar"
NEEDED = ("inventory.img", "pstree.img")
SCRATCH = ".tarx-criu-hook."
FORGOTTEN = 60  # seconds: a directory without a lock may also be one that is just being made
ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
COMPRESSION = re.compile(r"--(gz|gunzip|ungzip|bz|xz|zst|lz|compress|uncompress|auto-compress|use-compress)")


class Tree:
    """A directory that is archived on its own: the archive's MEMBER is a tar of it."""

    def __init__(self, member, path, diff=False):
        self.member, self.path, self.diff = member, path, diff

    def overlay(self):
        return ["--overlay=diff"] if self.diff else []


def digest(images):
    """What tells this dump from every other: CRIU writes the time and the processes into these two, and reads
    both before it runs a script. None: this is no dump that CRIU could restore."""
    total = hashlib.sha256()
    for name in NEEDED:
        try:
            with open(os.path.join(images, name), "rb") as file:
                total.update(hashlib.sha256(file.read()).digest())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Failure(f"{os.path.join(images, name)}: {error.strerror}") from None
    return total.hexdigest()


@contextlib.contextmanager
def scratch(beside):
    """A directory for what is not complete yet, on the file system of the archive BESIDE it. What a hook that
    was killed has left there is taken away: nobody holds its lock."""
    parent = os.path.dirname(beside)
    try:
        os.makedirs(parent, mode=0o700, exist_ok=True)
        for old in glob.glob(os.path.join(glob.escape(parent), SCRATCH + "*")):
            with contextlib.suppress(OSError), locked(old):
                if os.stat(old).st_mtime < time.time() - FORGOTTEN:
                    shutil.rmtree(old, ignore_errors=True)
        path = tempfile.mkdtemp(prefix=SCRATCH, dir=parent)
    except OSError as error:
        raise Failure(f"{error.filename or parent}: {error.strerror}") from None
    try:
        with locked(path):
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def locked(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def undisturbed():
    """A signal that ends the hook does so behind this: a process that is being started would be forgotten."""
    caught = []
    before = {number: signal.signal(number, lambda number, _: caught.append(number)) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in caught:
        signal.raise_signal(number)


def pattern(name):
    """The name of a file as the argument that leaves out this one and no other."""
    return ["--anchored", "--no-wildcards", "--no-ignore-case", f"--exclude=./{name}"]


def unquoted(name):
    """The bytes of a name as tarx lists it in the C locale."""
    letters = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
    return re.sub(rb"\\([0-7]{3}|.)", lambda found: bytes([int(found[1], 8)]) if len(found[1]) == 3
                  else letters.get(found[1], found[1]), name)


class Tarx:
    """Runs tarx; every word of it goes into the report, and whatever it could not do is a failure."""

    def __init__(self, program, config, report):
        self.program, self.config, self.report = config.tarx or program, config, report

    def run(self, what, arguments, stats=None):
        command = [self.program, *arguments]
        if stats:
            command.insert(2, f"--stats={stats}")
        self.report.debug("running " + " ".join(command))
        child = None
        try:
            with undisturbed():
                child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/",
                                         stdout=self.report.file or subprocess.DEVNULL)
            said = self.listen(child.stderr)
            code = child.wait()
        except (OSError, ValueError) as error:
            raise Failure(f"{what}: {self.program}: {error}") from None
        finally:
            if child and child.returncode is None:
                child.terminate()
                child.wait()
        if code != 0:
            raise Failure(f"{what}: tarx ended with {code}: {said or 'it said nothing'}")
        if stats:
            self.tell(what, stats)

    def listen(self, stream):
        """Each line is told as it comes; the last one is given back as the reason of what follows."""
        said = ""
        for line in stream:
            said = os.fsdecode(line.rstrip(b"\n"))
            self.report.warning(said)
        return said

    def tell(self, what, stats):
        with open(stats, encoding="utf-8") as file:
            bytes_of = json.load(file)["bytes"]
        self.report.info(f"{what}: {bytes_of['cloned']} bytes shared, {bytes_of['copied']} copied")

    def create(self, archive, what, options, operands, stats):
        self.run(what, ["-c", *self.config.create, *options, "-f", archive, *operands], stats)

    def create_plain(self, archive, what, options, operands, stats):
        """Without compression: what is made is a member of what may be compressed."""
        plain = [option for option in self.config.create if not COMPRESSION.match(option)]
        self.run(what, ["-c", *plain, *options, "-f", archive, *operands], stats)

    def extract(self, archive, what, options, stats):
        self.run(what, ["-x", *self.config.extract, "-f", archive, *options], stats)

    def must_have(self, archive, what, names):
        """Options such as --exclude are for what is archived, not for the parts of the whole."""
        done = subprocess.run([self.program, "-t", "--occurrence=1", "-f", archive, *names], cwd="/", check=False,
                              stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode != 0:
            raise Failure(f"{what}: is not whole, is it by an option of [create]? {os.fsdecode(done.stderr).strip()}")

    def images_in(self, archive):
        """The names of the images, as bytes."""
        done = subprocess.run([self.program, "-t", "-f", archive, IMAGES], cwd="/", stdin=subprocess.DEVNULL,
                              capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
        if done.returncode == 2:
            raise Failure(f"{archive}: {os.fsdecode(done.stderr).strip()}")
        return {unquoted(line)[len(IMAGES) + 1:] for line in done.stdout.splitlines()}

    def describe(self, archive):
        """What an archive says of itself, or None where there is none, or nothing is said."""
        try:
            info = os.stat(archive)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Failure(f"{archive}: {error.strerror}") from None
        if not stat.S_ISREG(info.st_mode):
            raise Failure(f"{archive}: not a regular file")
        if info.st_uid not in (0, os.geteuid()):
            raise Failure(f"{archive}: belongs to user {info.st_uid}, who is not trusted")
        done = subprocess.run([self.program, "-x", "-O", "--occurrence=1", "-f", archive, SELF], cwd="/",
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode == 2:
            raise Failure(f"{archive}: {os.fsdecode(done.stderr).strip()}")
        try:
            told = json.loads(done.stdout) if done.returncode == 0 else {}
        except ValueError:
            told = {}
        if not isinstance(told, dict) or told.get("version") != 1:
            self.report.warning(f"{archive}: not an archive of this hook")
            return None
        return told
