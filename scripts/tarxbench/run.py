"""Interleaved runs of all tools on one workload, and the proof that what they measure is right."""
import json
import os
import stat
import statistics
import subprocess
from dataclasses import dataclass, field

CREATE, EXTRACT = "create", "extract"
SHORT, TIMES = 0.05, 5  # what takes less than SHORT seconds is done TIMES times a run, and the median counts


@dataclass
class Figures:
    """What one tool did in one phase of one workload, a number a run."""
    seconds: list = field(default_factory=list)
    user: list = field(default_factory=list)
    system: list = field(default_factory=list)
    memory: list = field(default_factory=list)  # bytes
    grown: int = None  # bytes of the disk
    shared: int = None  # bytes of the result; -1: not told
    length: int = None  # of the archive, bytes
    headers: int = None  # of it, bytes, with the padding
    padding: int = None  # of those

    def median(self):
        return statistics.median(self.seconds)

    def ratio(self, other):
        """The median of the ratios of runs that were neighbours."""
        return statistics.median(a / b for a, b in zip(self.seconds, other.seconds))


class Failure(Exception):
    """A tool failed, or its result is wrong: its time is worth nothing."""


class Bench:
    def __init__(self, disk, workload, tools, programs, options):
        """PROGRAMS are tarx and the one that measures."""
        self.disk, self.workload, self.tools = disk, workload, tools
        self.options = options
        self.tarx, self.measure = programs
        self.figures = {(phase, tool.name): Figures() for phase in (CREATE, EXTRACT) for tool in tools}
        self.payload = 0

    def timed(self, command):
        """Runs COMMAND; returns seconds, peak memory in bytes, user and system seconds."""
        note = self.disk.path("measured")
        if self.workload.dirty:
            command = ["sh", "-c", '"$@" && exec sync -f "$0"', self.disk.root, *command]
        if self.options.cold:
            self.disk.sync()
            self.disk.drop_caches()
        done = subprocess.run([self.measure, note, *command], capture_output=True, check=False)
        if done.returncode != 0:
            raise Failure(f"exit {done.returncode}: {' '.join(command)}\n"
                          + done.stderr.decode(errors="replace")[-2000:])
        with open(note, encoding="ascii") as file:
            seconds, kib, user, system = map(float, file.read().split())
        return seconds, int(kib) * 1024, user, system

    def repeated(self, phase, command, result):
        """As timed(); of short commands the median of several."""
        times = [self.timed(command)]
        while times[0][0] < SHORT and len(times) < TIMES and not self.workload.dirty:
            self.disk.remove(result)
            self.disk.sync()
            if phase == EXTRACT:
                os.mkdir(result)
            times.append(self.timed(command))
        return sorted(times)[len(times) // 2]

    def one(self, phase, tool, command, result):
        figures = self.figures[phase, tool.name]
        first = figures.grown is None
        before = self.disk.used()
        if self.workload.dirty and phase == CREATE:
            self.workload.soil(self.disk)
        seconds, memory, user, system = self.repeated(phase, command, result)
        figures.seconds.append(seconds)
        figures.memory.append(memory)
        figures.user.append(user)
        figures.system.append(system)
        if first:
            from . import disk
            figures.grown = self.disk.used() - before
            figures.shared = disk.shared_in(result) if self.options.shared else -1
            if os.path.isfile(result):
                figures.length = os.path.getsize(result)
                figures.headers, figures.padding = self.layout(result)

    def layout(self, archive):
        """Bytes of headers and of padding in it, whoever wrote it."""
        told = subprocess.run([self.tarx, "--info", "--stats", "-f", archive],
                              capture_output=True, check=True).stderr
        layout = json.loads(told.splitlines()[-1])["layout"]
        return layout["header"], layout["padding"]

    def round(self, number):
        """One run of each tool in both phases; each round begins with another tool."""
        at = number % len(self.tools)
        for tool in self.tools[at:] + self.tools[:at]:
            self.one(CREATE, tool, tool.create(self.disk, self.workload), tool.result_of_create(self.disk))
            self.disk.sync()
            os.mkdir(tool.target(self.disk))
            if not self.workload.dirty:
                self.one(EXTRACT, tool, tool.extract(self.disk), tool.target(self.disk))
                if number == 0:
                    self.check(tool)
            self.disk.remove(tool.target(self.disk))
            self.disk.remove(tool.archive(self.disk))

    def check(self, tool):
        differences = compare(self.disk.path("source"), tool.target(self.disk))
        if differences:
            raise Failure(f"{tool.title}: what it restored is not what was archived:\n"
                          + "\n".join(differences[:10]))
        if tool.name == "tarx":
            listed = subprocess.run(["tar", "-tf", tool.archive(self.disk)], capture_output=True,
                                    check=False)
            if listed.returncode != 0 or listed.stderr:
                raise Failure(f"GNU tar does not read tarx's archive:\n{listed.stderr.decode()}")

    def run(self):
        self.workload.make(self.disk)
        try:
            if self.workload.dirty:
                self.workload.soil(self.disk)
            self.disk.sync()
            self.payload = payload_of(self.disk.path("source"))
            for number in range(self.options.runs):
                self.round(number)
        finally:
            self.workload.close(self.disk)
        if self.workload.dirty:
            self.figures = {key: f for key, f in self.figures.items() if f.seconds}
        return self


def payload_of(root):
    seen, total = set(), 0
    for top, _, names in os.walk(root):
        for name in names:
            info = os.lstat(os.path.join(top, name))
            if stat.S_ISREG(info.st_mode) and (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                total += info.st_size
    return total


def same_bytes(a, b):
    with open(a, "rb") as left, open(b, "rb") as right:
        while True:
            one, two = left.read(1 << 20), right.read(1 << 20)
            if one != two:
                return False
            if not one:
                return True


def compare_node(a, b):
    """What differs between two paths, as a word, or None. Times are those that all tools keep."""
    try:
        left, right = os.lstat(a), os.lstat(b)
    except FileNotFoundError:
        return "missing"
    for name in ("st_mode", "st_uid", "st_gid", "st_rdev"):
        if getattr(left, name) != getattr(right, name):
            return name
    if not stat.S_ISDIR(left.st_mode) and left.st_mtime_ns != right.st_mtime_ns:
        return "st_mtime"
    if stat.S_ISLNK(left.st_mode) and os.readlink(a) != os.readlink(b):
        return "link"
    if stat.S_ISREG(left.st_mode) and (left.st_size != right.st_size or not same_bytes(a, b)):
        return "bytes"
    return None


def compare(a, b):
    differences = []
    for top, dirs, names in os.walk(a):
        there = b + top[len(a):]
        if sorted(os.listdir(there)) != sorted(dirs + names):
            differences.append(f"{there}: other names")
        for name in dirs + names:
            what = compare_node(os.path.join(top, name), os.path.join(there, name))
            if what:
                differences.append(f"{os.path.join(there, name)}: {what}")
        if len(differences) > 20:
            break
    return differences
