"""The configuration: one file in TOML, checked before anything is done."""
import os
import re
import stat

from .report import LEVELS, Failure

PATH = "/etc/tarx/criu-hook.toml"
VARIABLE = "TARX_CRIU_HOOK_CONFIG"
WORDS = ("ID", "IMAGE_DIR", "IMAGE_NAME", "COMMAND")
WORD = re.compile(r"%([A-Z_]*)%")

# What podman and other engines make anew in each container, and mount something over.
ENGINES_OWN = ["etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "run/.containerenv"]

# Options of tarx that the hook gives itself, or that would make something else of its command.
RESERVED = ("absolute-names", "add-file", "append", "catenate", "compare", "concatenate", "create", "delete", "diff",
            "directory", "extract", "file", "files-from", "get", "help", "info", "inner", "list", "nest", "null",
            "no-recursion", "occurrence", "one-top-level", "overlay", "realign", "show-transformed-names",
            "starting-file", "stats", "strip-components", "take-from", "to-stdout", "transform", "update",
            "version", "xform")


class Config:
    """The fields are the keys of the file."""
    archive = None
    images = True
    diff = False
    directories = {}
    leave_out = ENGINES_OWN
    create = ()
    extract = ()
    on_error = "fail"
    on_missing = "ignore"
    log_path = ""
    log_level = "info"
    tarx = ""

    def __init__(self):
        self.path = os.environ.get(VARIABLE) or PATH

    def wrong(self, key, want):
        raise Failure(f"{self.path}: {key}: {want}")


def a_string(config, key, value):
    if not isinstance(value, str) or "\0" in value:
        config.wrong(key, "want a string")
    return value


def a_path(config, key, value):
    if not a_string(config, key, value).startswith(("/", "%IMAGE_DIR%")):
        config.wrong(key, "want a path that begins with / or %IMAGE_DIR%")
    for word in WORD.findall(value):
        if word and word not in WORDS:
            config.wrong(key, f"%{word}% is not known; there are " + ", ".join(f"%{word}%" for word in WORDS))
    return value


def an_archive(config, key, value):
    if "%COMMAND%" in a_path(config, key, value):
        config.wrong(key, "%COMMAND% is not the same in a dump and a restore")
    return value


def a_log(config, key, value):
    return value and a_path(config, key, value)


def a_program(config, key, value):
    if not a_string(config, key, value).startswith("/"):
        config.wrong(key, "want a path that begins with /")
    return value


def a_truth(config, key, value):
    if not isinstance(value, bool):
        config.wrong(key, "want true or false")
    return value


def a_diff(config, key, value):
    return value if isinstance(value, bool) else a_path(config, key, value)


def one_of(*words):
    def check(config, key, value):
        if value not in words:
            config.wrong(key, "want one of " + ", ".join(words))
        return value
    return check


def names(config, key, value):
    if not isinstance(value, list):
        config.wrong(key, "want a list of strings")
    for name in value:
        if not a_string(config, key, name) or name.startswith("/"):
            config.wrong(key, "want names that do not begin with /")
    return value


def named_paths(config, key, value):
    if not isinstance(value, dict):
        config.wrong(key, 'want a table of NAME = "PATH"')
    for name, path in value.items():
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            config.wrong(f"{key}.{name}", "want a name of letters, digits, '_', '.' and '-'")
        a_path(config, f"{key}.{name}", path)
    return value


def options(config, key, value):
    """A table of tarx's options as the list of arguments that it stands for."""
    if not isinstance(value, dict):
        config.wrong(key, "want a table of tarx's options")
    arguments = []
    for name, setting in value.items():
        where = f"{key}.{name}"
        if not re.fullmatch(r"[a-z][a-z0-9-]+", name):
            config.wrong(where, "want an option of tarx by its long name, without dashes before it")
        # Options may be shortened: what a reserved one begins with is reserved as well.
        if any(word.startswith(name) for word in RESERVED):
            config.wrong(where, "this option is the hook's own")
        arguments += [argument for one in (setting if isinstance(setting, list) else [setting])
                      for argument in option(config, where, name, one)]
    return arguments


def option(config, where, name, setting):
    if setting is True:
        return [f"--{name}"]
    if setting is False:
        return []
    if isinstance(setting, int):
        setting = str(setting)
    return [f"--{name}={a_string(config, where, setting)}"]


CHECKS = {"archive": an_archive, "images": a_truth, "diff": a_diff, "directories": named_paths,
          "leave_out": names, "create": options, "extract": options, "on_error": one_of("fail", "warn"),
          "on_missing": one_of("ignore", "fail"), "log_path": a_log, "log_level": one_of(*LEVELS),
          "tarx": a_program}


def read(path):
    """The tables of a file that only its owner can have written: what it says is done as root."""
    import tomllib
    try:
        with open(path, "rb") as file:
            info = os.fstat(file.fileno())
            if info.st_uid not in (0, os.geteuid()) or info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise Failure(f"{path}: others can write to it; chown root and chmod 644")
            return tomllib.load(file)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(f"{path}: {error}") from None


def load(config):
    """Fills CONFIG; when that fails it has what is to become of errors, if the file says so rightly."""
    table = read(config.path)
    for key in sorted(table, key=lambda key: key != "on_error"):
        if key not in CHECKS:
            config.wrong(key, "no such setting; there are " + ", ".join(CHECKS))
        setattr(config, key, CHECKS[key](config, key, table[key]))
    if config.archive is None:
        config.wrong("archive", "this setting is needed")
    if not (config.images or config.diff or config.directories):
        config.wrong("images", "nothing is left to archive")
