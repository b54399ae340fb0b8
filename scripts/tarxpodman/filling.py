"""The new container's layer, its volumes and podman's own folder of it, filled in one pass over the checkpoint's file.

The layer is not mounted yet. It is filled through a mount that only tarx sees, so that the kernel gives to directories
that the diff lacks (podman leaves most of them out) what they have in the image. What cannot be filled by sharing is
handed over to podman, which finds it in its folder and unpacks it itself."""
import os

from tarxpodman.archive import DELETED, DIFF, VOLUMES
from tarxpodman.errors import say
from tarxpodman.programs import ToolFailed, tell_copied

EMPTY_TAR = bytes(1024)
NO_MOUNT = 100  # what the mounting shell ends with when it is the mount that failed; tarx never does
MOUNT = f'mount -n -t overlay -o "$1" overlay "$2" || exit {NO_MOUNT}; shift 2; exec "$@"'


class Filling:
    """NEW is what podman made; OLD_VOLUMES were there before and are not ours to fill; FOLDER is one of ours."""

    def __init__(self, command, archive, storage, new, folder, old_volumes):
        self.archive, self.storage, self.new = archive, storage, new
        self.mounted = os.path.join(folder, "layer")
        self.with_diff = DIFF in archive.members and not command.switched("ignore-rootfs")
        self.volumes = [] if command.switched("ignore-volumes") else archive.volumes()
        self.old_volumes = old_volumes

    def run(self, tarx):
        if self.archive.config["user namespace"]:
            say("it has a user namespace of its own: podman unpacks its changes itself")
            self.extract(tarx, shared=False)
            return
        try:
            self.extract(tarx, shared=True)
        except ToolFailed as error:
            if error.exit != NO_MOUNT:
                raise
            say("its layers cannot be mounted here: podman unpacks its changes itself")
            self.extract(tarx, shared=False)

    def extract(self, tarx, shared):
        """With SHARED the diff goes into the layer, else it is handed over."""
        members, scopes = self.archive.for_podman(), []
        if self.with_diff and shared:
            scopes += ["--inner", self.archive.members[DIFF], "--overlay=diff", "--whiteouts=podman",
                       "-C", self.mounted]
        elif self.with_diff:
            members += [self.archive.members[name] for name in (DIFF, DELETED) if name in self.archive.members]
        for name in self.volumes:
            stored = self.archive.members[f"{VOLUMES}{name}.tar"]
            if self.can_fill(name):
                scopes += ["--inner", stored, "--overlay=off", "-C", self.storage.volume(name)]
                self.leave_empty(name)
            else:
                members.append(stored)
        if members or scopes:
            before = self.mounting() if self.with_diff and shared else ()
            stats = tarx.run("-x", "--stats", "-f", self.archive.path, "-C", self.new.static, *members, *scopes,
                             before=before, cwd=self.new.layers)[1]
            tell_copied([stats])

    def can_fill(self, name):
        """Where podman has made the volume in the usual place. A volume that was there before is podman's to
        judge."""
        return name not in self.old_volumes and os.path.isdir(self.storage.volume(name))

    def leave_empty(self, name):
        """podman wants to unpack an archive for each volume."""
        path = os.path.join(self.new.static, VOLUMES, f"{name}.tar")
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(path, "wb") as file:
            file.write(EMPTY_TAR)

    def mounting(self):
        """The words that mount the layer for the command behind them and for nobody else. The layers below are named
        relative to the folder of all layers, as a mount's options have room for one page. Only files whose bytes are
        in the layer, and no index, which would bind the layer to this mount, as podman has it."""
        os.makedirs(self.mounted, exist_ok=True)
        layer = os.path.join(self.new.layers, self.new.layer)
        options = (f"lowerdir={self.storage.lowers(self.new)},upperdir={layer}/diff,workdir={layer}/work,"
                   "index=off,metacopy=off")
        return ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", MOUNT, "sh", options,
                self.mounted]
