#!/usr/bin/python3
"""A podman without containers: what tarx-podman asks of it, as podman 4.3 does it. Its world is the folder FAKE:

  storage/   layers and lists as podman has them
  inspect    what `container inspect` tells; absent: no such container
  export     what a checkpoint writes into its FILE
  fail       the one thing to go wrong: before, within or after (writing), slow, forgetful (slow, and when it is
             killed it does not know that the container has stopped), import, criu
  calls      every command line, for the test
  seen/      a file for each step that was reached
"""
import io
import json
import os
import shutil
import sys
import tarfile
import time

FAKE = os.environ["FAKE"]
STORAGE = os.path.join(FAKE, "storage")
LISTS = os.path.join(STORAGE, "overlay-containers", "containers.json")
NEW = "2" * 64


def fails(how):
    try:
        with open(os.path.join(FAKE, "fail"), encoding="ascii") as file:
            return file.read().strip() == how
    except FileNotFoundError:
        return False


def end(code, words=""):
    if words:
        print(f"Error: {words}", file=sys.stderr)
    sys.exit(code)


def saw(step):
    with open(os.path.join(FAKE, "seen", step), "w", encoding="ascii"):
        pass


def value(words, name):
    return next((word.partition("=")[2] for word in words if word.startswith(f"--{name}=")), None)


def containers():
    with open(LISTS, encoding="utf-8") as file:
        return json.load(file)


def write_containers(entries):
    with open(LISTS + ".new", "w", encoding="utf-8") as file:
        json.dump(entries, file)
    os.rename(LISTS + ".new", LISTS)


def inspect(words):
    if "--format={{.State.Status}} {{.State.Pid}}" in words:
        stopped = os.path.exists(os.path.join(FAKE, "seen", "dumped"))
        print(f"running {2 ** 22 + 1}" if fails("forgetful") else "exited 0" if stopped else "running 1")
        return
    try:
        with open(os.path.join(FAKE, "inspect"), encoding="utf-8") as file:
            print(file.read())
    except FileNotFoundError:
        end(125, "no such container")


def checkpoint(words):
    path = value(words, "export")
    if path is None:  # the person's own words, for podman alone
        return
    if fails("before"):
        end(125, "CRIU has failed")
    with open(os.path.join(FAKE, "export"), "rb") as file:
        stream = file.read()
    saw("dumped")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
    os.chmod(path, 0o600)
    with os.fdopen(fd, "wb", buffering=0) as file:
        half = len(stream) // 2 & ~511
        file.write(stream[:half])
        if fails("within"):
            end(125, "cannot export")
        if fails("slow") or fails("forgetful"):
            time.sleep(2)
        file.write(stream[half:])
    if fails("after"):
        end(125, "cannot clean up")
    saw("finished")
    print(words[-1])


def untar(path, folder=None):
    """One import of the file, as podman does several."""
    with open(path, "rb") as file:
        stream = file.read()
    try:
        with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
            if folder:
                tar.extractall(folder)
            return {member.name for member in tar}
    except tarfile.TarError as error:
        end(125, f"unpacking failed: {error}")


def restore(words):
    path = value(words, "import")
    name = words[words.index("-n") + 1] if "-n" in words else "box"
    for _ in range(2):
        if not {"config.dump", "spec.dump"} <= untar(path):
            end(125, "it has no configuration")
    if any(name in entry["names"] for entry in containers()):
        end(125, "that name is already in use")
    static = os.path.join(STORAGE, "overlay-containers", NEW, "userdata")
    layer = os.path.join(STORAGE, "overlay", "new")
    os.makedirs(static)
    for part in ("diff", "work"):
        os.makedirs(os.path.join(layer, part))
    with open(os.path.join(layer, "lower"), "w", encoding="ascii") as file:
        file.write("l/IMAGE")
    os.makedirs(os.path.join(STORAGE, "volumes", "volume", "_data"))
    write_containers(containers() + [{"id": NEW, "names": [name], "layer": "new"}])
    if fails("import"):
        end(125, "cannot import")
    untar(path, static)
    if not os.path.exists(os.path.join(static, "checkpoint", "inventory.img")):
        end(125, "it is no checkpoint")
    saw("imported")
    if fails("criu"):
        end(125, "CRIU has failed")
    print(NEW)


def remove(words):
    write_containers([entry for entry in containers() if entry["id"] != words[-1]])
    for path in ("overlay-containers/" + words[-1], "overlay/new"):
        shutil.rmtree(os.path.join(STORAGE, path), ignore_errors=True)


def main():
    words = sys.argv[1:]
    with open(os.path.join(FAKE, "calls"), "a", encoding="utf-8") as file:
        file.write(" ".join(words) + "\n")
    verb = next((" ".join(pair) for pair in zip(words, words[1:]) if pair[0] in ("container", "volume", "image")), "")
    if verb == "container inspect":
        inspect(words)
    elif verb == "container checkpoint":
        checkpoint(words)
    elif verb == "container restore" and value(words, "import"):
        restore(words)
    elif verb == "container rm":
        remove(words)
    elif verb == "volume rm":
        shutil.rmtree(os.path.join(STORAGE, "volumes", words[-1]))
    elif verb == "image inspect":
        print(json.dumps([{"GraphDriver": {"Name": "overlay", "Data": {
            "UpperDir": os.path.join(STORAGE, "overlay", "image", "diff")}}}]))


main()
