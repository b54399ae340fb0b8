"""podman's storage, read without podman, which holds its locks while it imports."""
import json
import os
from dataclasses import dataclass

from tarxpodman.errors import Unshared

LISTS = ("containers.json", "volatile-containers.json")


@dataclass
class NewContainer:
    """What podman has made for the container that it imports."""
    id: str
    static: str  # its folder
    layers: str  # the folder of all layers
    layer: str  # the name of its own in there


class Storage:
    """ROOTS are the folders that can have lists of containers; GRAPH is the one with the layers."""

    def __init__(self, graph, run=None):
        self.graph = graph
        self.roots = [root for root in (graph, run) if root]

    def containers(self):
        """Of all lists, by their ids."""
        found = {}
        for root in self.roots:
            for name in LISTS:
                try:
                    with open(os.path.join(root, "overlay-containers", name), encoding="utf-8") as file:
                        found.update((entry["id"], entry) for entry in json.load(file))
                except FileNotFoundError:
                    pass
        return found

    def new_container(self, known, wanted_id, wanted_name):
        """The one that is not among those KNOWN, or None."""
        for key, entry in self.containers().items():
            if key in known or (key != wanted_id and wanted_name not in (entry.get("names") or ())):
                continue
            static = os.path.join(self.graph, "overlay-containers", key, "userdata")
            layers = os.path.join(self.graph, "overlay")
            if os.path.isdir(static) and os.path.isdir(os.path.join(layers, entry["layer"], "diff")):
                return NewContainer(key, static, layers, entry["layer"])
        return None

    def volume(self, name):
        """Where a volume's files are, as long as nobody has configured another place."""
        return os.path.join(self.graph, "volumes", name, "_data")

    def lowers(self, new):
        """The names of the layers below, relative to the folder of all layers, as podman mounts them."""
        with open(os.path.join(new.layers, new.layer, "lower"), encoding="ascii") as file:
            return file.read().strip()


def find_storage(podman, image):
    """By what podman says of the container's image, which is much faster than `podman info`. Without the image,
    which podman will fetch, that has to tell."""
    told = podman.inspect("image", "--", image) if image else None
    if told:
        driver = told.get("GraphDriver") or {}
        if driver.get("Name") != "overlay":
            raise Unshared(f"the storage driver is {driver.get('Name')}, not overlay")
        graph = os.path.dirname(os.path.dirname(os.path.dirname((driver.get("Data") or {}).get("UpperDir") or "")))
        if os.path.isdir(os.path.join(graph, "overlay-containers")):
            return Storage(graph)
    return asked_storage(podman)


def asked_storage(podman):
    try:
        told = json.loads(podman.ask("info", "--format={{json .Store}}"))
    except ValueError:
        raise Unshared("podman does not tell where its storage is") from None
    if told.get("graphDriverName") != "overlay":
        raise Unshared(f"the storage driver is {told.get('graphDriverName')}, not overlay")
    return Storage(told["graphRoot"], told.get("runRoot"))
