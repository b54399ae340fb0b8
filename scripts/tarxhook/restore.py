"""At pre-restore: CRIU has read what processes there are, and made none of them yet."""
import contextlib
import os

from .archive import IMAGES, digest, scratch
from .container import started
from .dump import trees
from .report import Failure

NOTES = "/run/tarx-criu-hook"


class Note:
    """CRIU may run the hook twice at one stage. That the second time is one is noted by CRIU's own process."""

    def __init__(self, criu, digest):
        self.path = os.path.join(NOTES, f"{criu}-{started(criu)}-{digest[:32]}")

    def is_there(self):
        return os.path.exists(self.path)

    def make(self):
        os.makedirs(NOTES, mode=0o700, exist_ok=True)
        for name in os.listdir(NOTES):
            pid, _, rest = name.partition("-")
            if str(started(pid)) != rest.partition("-")[0]:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(NOTES, name))
        with open(self.path, "w", encoding="ascii"):
            pass


def missing_images(container, told):
    """Which images that the archive has are not there, or not as long."""
    wanted = told.get("images") or {}
    missing = []
    for name, size in wanted.items():
        if not {"", ".", ".."}.isdisjoint(name.split("/")):
            raise Failure(f"an image called {name}: this archive is not of this hook")
        try:
            info = os.lstat(os.path.join(container.images, name))
            if info.st_size != size:
                missing.append(name)
        except FileNotFoundError:
            missing.append(name)
    return missing


def put_images_back(container, tarx, report, archive, names):
    """Each appears when all of them are whole. What options of the dump have left out is not missed."""
    there = tarx.images_in(archive)
    names = [name for name in names if os.fsencode(name) in there]
    if not names:
        return
    with scratch(os.path.join(container.images, IMAGES)) as folder:
        wanted, fresh = os.path.join(folder, "names"), os.path.join(folder, "fresh")
        os.mkdir(fresh)
        with open(wanted, "wb") as file:
            file.write(b"".join(os.fsencode(f"{IMAGES}/{name}") + b"\0" for name in names))
        tarx.extract(archive, container.images, ["--strip-components=1", "-C", fresh, "--null", "-T", wanted],
                     os.path.join(folder, "stats"))
        for name in names:
            path = os.path.join(container.images, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.rename(os.path.join(fresh, name), path)
    report.info(f"{len(names)} images are back in {container.images}")


def put_trees_back(config, tarx, members, archive):
    """Each as an archive of its own first, so that none is touched before all of them are known to be whole."""
    with scratch(archive) as folder:
        tarx.run(archive, ["-x", "-f", archive, "-C", folder, *(tree.member for tree in members)])
        for tree in members:
            left_out = [f"--exclude=./{name}" for name in config.leave_out] if tree.diff else []
            tarx.extract(os.path.join(folder, tree.member), tree.path,
                         [*tree.overlay(), "--anchored", *left_out, "-C", tree.path], os.path.join(folder, "stats"))


def none_belongs(config, report, reason):
    if config.on_missing == "fail":
        raise Failure(reason)
    report.warning(reason)


def restore(container, config, tarx, report):
    archive = container.fill(config.archive)
    told = tarx.describe(archive)
    if told is None:
        none_belongs(config, report, f"{archive}: there is no such archive: nothing to put back")
        return
    if told.get("digest") != digest(container.images):
        none_belongs(config, report, f"{archive} is of another dump than {container.images}: nothing is put back")
        return
    images = missing_images(container, told) if config.images else []
    note = Note(container.criu, told["digest"])
    members = [] if note.is_there() else trees(container, config, container.coming_overlay,
                                               told.get("members", []).__contains__)
    for tree in members:
        if tree.diff:
            container.must_be_overlay(tree.path)
        elif not os.path.isdir(tree.path):
            raise Failure(f"{tree.path}: no such directory to restore into")
    if not images and not members:
        report.debug("everything is there already")
        return
    if images:
        put_images_back(container, tarx, report, archive, images)
    if members:
        put_trees_back(config, tarx, members, archive)
        try:
            note.make()
        except (OSError, ValueError) as error:
            report.warning(f"{NOTES}: {error}")
