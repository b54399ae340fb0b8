"""A container as podman describes it, and whether its files can be shared."""
import os
from dataclasses import dataclass

from tarxpodman.errors import Unshared


@dataclass
class Volume:
    name: str
    source: str  # where its files are


@dataclass
class Container:
    id: str
    name: str
    pid: int
    autoremove: bool  # podman takes it away when it has stopped
    static: str  # podman's own folder of it
    upper: str  # its layer
    volumes: list


def volumes_of(told):
    """The named volumes, each once."""
    volumes = {}
    for mount in told.get("Mounts") or ():
        if mount.get("Type") == "volume":
            source = mount.get("Source") or ""
            if not os.path.isdir(source):
                raise Unshared(f"the files of its volume {mount.get('Name')} are not here")
            volumes[mount["Name"]] = Volume(mount["Name"], source)
    return list(volumes.values())


def require_here(command):
    """What can be known without asking podman."""
    if os.geteuid() != 0:
        raise Unshared("a rootless container's layers are out of reach")
    if command.general_has("remote", "url", "connection") or any(
            os.environ.get(name) for name in ("CONTAINER_HOST", "CONTAINER_CONNECTION")):
        raise Unshared("podman works on another machine")


def container_of(told):
    """From what `podman container inspect` tells."""
    driver = told.get("GraphDriver") or {}
    upper = (driver.get("Data") or {}).get("UpperDir") or ""
    if driver.get("Name") != "overlay":
        raise Unshared(f"its storage driver is {driver.get('Name') or 'unknown'}, not overlay")
    if not os.path.isdir(upper) or not os.path.isdir(told.get("StaticDir") or ""):
        raise Unshared("its layer is not to be found here")
    return Container(id=told["Id"], name=told["Name"], pid=told["State"]["Pid"],
                     autoremove=bool((told.get("HostConfig") or {}).get("AutoRemove")),
                     static=told["StaticDir"], upper=upper, volumes=volumes_of(told))
