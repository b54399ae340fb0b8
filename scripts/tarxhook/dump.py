"""At post-dump: the tasks are frozen and the images complete."""
import json
import os

from .archive import DIFF, IMAGES, NEEDED, SCRATCH, SELF, Tree, digest, pattern, scratch
from .report import Failure


def trees(container, config, overlay, wanted=lambda member: True):
    """What is archived beside the images. OVERLAY: how the overlay is found where the file does not say it."""
    found = []
    if config.diff and wanted(DIFF):
        path = overlay() if config.diff is True else container.fill(config.diff)
        found.append(Tree(DIFF, path, diff=True))
    for name, template in sorted(config.directories.items()):
        member = f"directories/{name}.tar"
        if wanted(member):
            found.append(Tree(member, container.fill(template)))
    return found


def must_be_outside(archive, path):
    if os.path.commonpath([os.path.realpath(archive), os.path.realpath(path)]) == os.path.realpath(path):
        raise Failure(f"archive {archive} would be in {path}, which it is to hold: it has to go elsewhere")


def sizes(images, without):
    """The regular files of the image directory and how long they are."""
    found = {}
    for top, _, names in os.walk(images):
        for name in names:
            path = os.path.join(top, name)
            if os.path.isfile(path) and not os.path.islink(path):
                found[os.path.relpath(path, images)] = os.path.getsize(path)
    for name in without:
        found.pop(name, None)
    return found


def still_written(images):
    """CRIU's log, which grows while it is archived: the standard error of this process."""
    try:
        log = os.fstat(2)
    except OSError:
        return []
    return [name for name in os.listdir(images)
            if os.path.samestat(os.lstat(os.path.join(images, name)), log)]


def is_done(tarx, archive, own):
    """CRIU may run the hook twice. Whatever else is by that name gives way to the new archive."""
    try:
        told = tarx.describe(archive)
    except Failure:
        return False
    return told is not None and told.get("digest") == own


def dump(container, config, tarx, report):
    archive, own = container.fill(config.archive), digest(container.images)
    if own is None:
        raise Failure(f"{container.images}: inventory.img or pstree.img is missing: not a dump of CRIU")
    if is_done(tarx, archive, own):
        report.debug(f"{archive} is of this dump already")
        return
    members = trees(container, config, container.frozen_overlay)
    for path in [tree.path for tree in members] + [container.images] * config.images:
        must_be_outside(archive, path)
    os.umask(0o077)
    with scratch(archive) as folder:
        write(container, config, tarx, report, folder, archive, members, own)
    report.info(f"{archive} is complete")


def write(container, config, tarx, report, folder, archive, members, own):
    """Each part on its own, then all of them as one archive, which shares with the parts; then the name."""
    parts, stats = os.path.join(folder, "parts"), os.path.join(folder, "stats")
    os.makedirs(os.path.join(parts, "directories"))
    for tree in members:
        tarx.create_plain(os.path.join(parts, tree.member), tree.path, tree.overlay(), ["-C", tree.path, "."], stats)
    log = still_written(container.images) if config.images else []
    told = {"version": 1, "id": container.id, "digest": own, "members": [tree.member for tree in members],
            "images": sizes(container.images, log) if config.images else None}
    with open(os.path.join(parts, SELF), "w", encoding="ascii") as file:
        json.dump(told, file)
    operands, options = ["-C", parts, SELF, *told["members"]], []
    if config.images:
        operands += ["-C", container.images, "."]
        options = [rf"--transform=s,^\.,{IMAGES},S", "--anchored", "--wildcards", f"--exclude=./{SCRATCH}*",
                   *(word for name in log for word in pattern(name))]
        if os.path.lexists(os.path.join(container.images, "parent")):
            report.warning(f"{container.images}: these images need those of an earlier dump, which are not archived")
    whole = os.path.join(folder, "whole")
    tarx.create(whole, archive, options, operands, stats)
    tarx.must_have(whole, archive, [SELF, *told["members"],
                                    *(f"{IMAGES}/{name}" for name in NEEDED if config.images)])
    try:
        os.rename(whole, archive)
    except OSError as error:
        raise Failure(f"{archive}: {error.strerror}") from None
