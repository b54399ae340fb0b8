"""What has become of a container whose checkpoint was not written."""
import os
import time

from tarxpodman.freezer import wait_for_runtime
from tarxpodman.programs import Podman

PATIENCE = 5  # seconds that it takes at most until podman can know that a process has ended


def way_back(name):
    return f"'podman container restore {name}' brings it back"


class Fate:
    """Everything that it takes is text, so that it can be told to the guard. PODMAN: its command line; CONTAINER: the id;
    AUTOREMOVE: podman takes it away when it has stopped."""

    def __init__(self, podman, container, name, autoremove):
        self.podman, self.container = podman, container
        self.name, self.autoremove = name, autoremove

    def told(self):
        return vars(self)

    def words(self):
        """For the person. A runtime goes on when podman was killed, so what podman says before it is done is worth
        nothing."""
        wait_for_runtime(self.container)
        end = time.monotonic() + PATIENCE
        status, runs = self.look()
        while status == "running" and not runs and time.monotonic() < end:
            time.sleep(0.1)
            status, runs = self.look()
        if status == "running" and not runs:
            return (f"podman was killed and takes {self.name} for running, but its process has ended: "
                    "BUGS in tarx-podman(1) tells what to do")
        if not status and self.autoremove:
            return f"{self.name} was started with --rm: podman has removed it"
        return f"{self.name} is {status or 'gone'}" + (f": {way_back(self.name)}" if status == "exited" else "")

    def look(self):
        """(podman's word for it or an empty one, whether its first process is there)"""
        program, *general = self.podman
        told = Podman(program, general).ask("container", "inspect", "--format={{.State.Status}} {{.State.Pid}}",
                                            self.container)
        status, _, pid = told.partition(" ")
        return status, os.path.exists(f"/proc/{pid or 'none'}")
