"""Taking away what podman has made for an import that was not completed: also by the guard, when we are gone."""
import subprocess

from tarxpodman.storage import Storage


class Undo:
    """Everything that it takes is text, so that it can be told to the guard. KNOWN: ids of containers that were there
    before; WANTED: the id and the name that the new one may have; VOLUMES: those that only the import can have made."""

    def __init__(self, podman, roots, known, wanted, volumes):
        self.podman, self.roots, self.known = podman, roots, known
        self.wanted, self.volumes = wanted, volumes

    def told(self):
        return vars(self)

    def container(self):
        """What podman has made, or None."""
        return Storage(*self.roots).new_container(self.known, *self.wanted)

    def run(self):
        """Whether there is nothing of it any more."""
        new = self.container()
        if not new:
            return True
        self.ask("container", "rm", "--force", "--ignore", "--time=0", new.id)
        if self.volumes:
            self.ask("volume", "rm", *self.volumes)
        return not self.container()

    def ask(self, *words):
        subprocess.run([*self.podman, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
