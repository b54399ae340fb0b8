"""A checkpoint's file: what is in it, and the two small streams that podman is given of it."""
import json
import os

from tarxpodman.errors import Unshared

CONFIG, SPEC, INVENTORY = "config.dump", "spec.dump", "checkpoint/inventory.img"
DIFF, DELETED, VOLUMES = "rootfs-diff.tar", "deleted.files", "volumes/"


def plain(name):
    return name[2:] if name.startswith("./") else name


class Archive:
    """MEMBERS: podman's name of each -> the name that it has in the file. FOLDER is one of ours, for small files."""

    def __init__(self, path, tarx, folder):
        self.path, self.tarx, self.folder = os.path.realpath(path), tarx, folder
        listed = tarx.run("-t", "-f", self.path)[0].decode(errors="surrogateescape")
        self.members = {plain(name): name for name in listed.splitlines()}
        for name in (CONFIG, SPEC, INVENTORY):
            if name not in self.members:
                raise Unshared(f"{path} has no {name}")
        small = [self.members[name] for name in (CONFIG, SPEC, INVENTORY)]
        tarx.run("-x", "-f", self.path, "-C", folder, *small)
        with open(os.path.join(folder, CONFIG), encoding="utf-8") as file:
            self.config = json.load(file)

    def stream(self, *names):
        """A tar of some of the small files."""
        return self.tarx.run("-c", "--align=none", "-C", self.folder, *names)[0]

    def volumes(self):
        """Names of volumes that it has the files of."""
        return [name[len(VOLUMES):-len(".tar")] for name in self.members
                if name.startswith(VOLUMES) and name.endswith(".tar")]

    def for_podman(self):
        """What podman finds in its own folder of the container, by the names in the file; but the inventory."""
        special = (CONFIG, SPEC, INVENTORY, DIFF, DELETED)
        return [stored for name, stored in self.members.items()
                if name not in special and not name.startswith(VOLUMES) and name.rstrip("/") not in ("", ".")]

    def has_user_namespace(self):
        return bool((self.config.get("idMappingsOptions") or {}).get("UIDMap"))
