"""Who archives: the command lines of each tool, as its manual would have a person type them."""


class Tool:
    def __init__(self, name, title):
        self.name, self.title = name, title

    def archive(self, disk):
        return disk.path(f"archive.{self.name}")

    def target(self, disk):
        return disk.path(f"target.{self.name}")

    def create(self, disk, workload):
        raise NotImplementedError

    def extract(self, disk):
        raise NotImplementedError

    def result_of_create(self, disk):
        return self.archive(disk)


class Tarx(Tool):
    def __init__(self, program):
        super().__init__("tarx", "tarx")
        self.program = program

    def create(self, disk, workload):
        source = ["--overlay=diff", "-C", disk.path("merged")] if workload.overlay else [
            "-C", disk.path("source")]
        return [self.program, "-c", "--align", "-f", self.archive(disk), *source, "."]

    def extract(self, disk):
        return [self.program, "-x", "-f", self.archive(disk), "-C", self.target(disk)]


class GnuTar(Tool):
    def __init__(self):
        super().__init__("tar", "GNU tar")

    def create(self, disk, workload):
        return ["tar", "-c", "--format=posix", "--xattrs", "--acls", "-f", self.archive(disk),
                "-C", disk.path("source"), "."]

    def extract(self, disk):
        return ["tar", "-x", "-p", "--xattrs", "--xattrs-include=*", "--acls", "-f",
                self.archive(disk), "-C", self.target(disk)]


class BsdTar(Tool):
    def __init__(self):
        super().__init__("bsdtar", "bsdtar")

    def create(self, disk, workload):
        return ["bsdtar", "-c", "--format=pax", "-f", self.archive(disk), "-C",
                disk.path("source"), "."]

    def extract(self, disk):
        return ["bsdtar", "-x", "-p", "-f", self.archive(disk), "-C", self.target(disk)]


class Cp(Tool):
    """No archive: the same copy stands beside creation and extraction."""

    def __init__(self, shares):
        super().__init__("cp", f"cp -a --reflink={shares}")
        self.shares = shares

    def create(self, disk, workload):
        return ["cp", "-a", f"--reflink={self.shares}", disk.path("source") + "/.",
                self.archive(disk)]

    def extract(self, disk):
        return ["cp", "-a", f"--reflink={self.shares}", disk.path("source") + "/.",
                self.target(disk)]


NAMES = ("tarx", "cp", "tar", "bsdtar")


def chosen_tools(names, program, kind):
    tools = [Tarx(program), Cp("always" if kind in ("btrfs", "xfs") else "auto"), GnuTar(), BsdTar()]
    return [tool for tool in tools if tool.name in names]
