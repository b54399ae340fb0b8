"""A checkpoint's file: what is in it, and the two small streams that podman is given of it."""
import json
import os
import re

from tarxpodman.errors import Unshared, say

CONFIG, SPEC, INVENTORY = "config.dump", "spec.dump", "checkpoint/inventory.img"
DIFF, DELETED, VOLUMES = "rootfs-diff.tar", "deleted.files", "volumes/"
SPECIAL = (CONFIG, SPEC, INVENTORY, DIFF, DELETED)
# What may lie in podman's folder of a container; the last two are CRI-O's.
PODMANS = re.compile(r"(artifacts|checkpoint)(/.*)?|devshm-checkpoint\.tar|network\.status|stats-dump|ctr\.log|dump\.log|"
                     r"bind\.mounts|io\.kubernetes\.cri-o\.LogPath", re.DOTALL)
VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


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
        self.config = self.read_config()

    def read_config(self):
        """Of it what is needed, and only if it is what podman writes: the file may be anybody's."""
        with open(os.path.join(self.folder, CONFIG), encoding="utf-8") as file:
            try:
                told = json.load(file)
                names = [volume["volumeName"] for volume in told.get("namedVolumes") or ()]
                config = {key: told.get(key) or "" for key in ("id", "name", "rootfsImageID", "rootfsImageName")}
                config["user namespace"] = bool((told.get("idMappingsOptions") or {}).get("UIDMap"))
            except (ValueError, TypeError, AttributeError, KeyError) as error:
                raise Unshared(f"its {CONFIG} is not podman's") from error
        if not all(isinstance(text, str) for text in [config["id"], config["name"], *names]):
            raise Unshared(f"its {CONFIG} is not podman's")
        config["volumes"] = [name for name in names if VOLUME_NAME.fullmatch(name)]
        return config

    def stream(self, *names):
        """A tar of some of the small files."""
        return self.tarx.run("-c", "--align=none", "-C", self.folder, *names)[0]

    def volumes(self):
        """Names of the container's volumes that it has the files of."""
        return [name for name in self.config["volumes"] if f"{VOLUMES}{name}.tar" in self.members]

    def for_podman(self):
        """What podman finds in its own folder of the container, by the names in the file; but the inventory."""
        names = [name for name in self.members if name not in SPECIAL and PODMANS.fullmatch(name)]
        return [self.members[name] for name in names]

    def tell_unknown(self):
        """Nothing is left out in silence."""
        for name in self.members:
            known = name in SPECIAL or PODMANS.fullmatch(name) or name.startswith(VOLUMES)
            if not known and name.rstrip("/") not in ("", "."):
                say(f"{self.path}: {name} is not restored: podman has no such file")
