"""podman's command line, understood as far as it must be: which options take a value (or the next word would be
taken for the container), and the few that are ours. All others are passed on as they are."""
from dataclasses import dataclass, field

# Of podman 4.3 to 5.x. What is not here and has no value behind a "=" is taken for a switch.
GLOBAL_VALUES = frozenset("""
    cdi-spec-dir cgroup-manager cni-config-dir config conmon connection cpu-profile db-backend default-mounts-file
    events-backend hooks-dir identity image-store imagestore log-level max-workers memory-profile module namespace
    network-backend network-cmd-path network-config-dir out pull-option registries-conf root runroot runtime
    runtime-flag ssh storage-driver storage-opt tls-ca tls-cert tls-key tmpdir url volumepath
    """.split())
GLOBAL_SWITCHES = frozenset("help noout remote syslog trace transient-store version".split())
GLOBAL_LETTERS = {"c": "connection", "h": "help", "r": "remote", "v": "version"}
VALUES = {
    "checkpoint": frozenset("compress create-image export".split()),
    "restore": frozenset("import import-previous name pod publish".split()),
}
LETTERS = {
    "checkpoint": {"R": "leave-running", "P": "pre-checkpoint", "a": "all", "c": "compress", "e": "export",
                   "h": "help", "k": "keep", "l": "latest"},
    "restore": {"a": "all", "h": "help", "i": "import", "k": "keep", "l": "latest", "n": "name", "p": "publish"},
}


@dataclass
class Option:
    """NAME is the long one where there is one; WORDS are what podman is to be given for it."""
    name: str
    value: str
    words: list


@dataclass
class Command:
    """A checkpoint or restore: podman's global options, its own, and the containers."""
    verb: str
    general: list = field(default_factory=list)
    options: list = field(default_factory=list)
    operands: list = field(default_factory=list)

    def value(self, name):
        """The last value of an option, or None."""
        return next((o.value for o in reversed(self.options) if o.name == name), None)

    def switched(self, name):
        """Whether a switch is on; podman's parser takes --keep=false too."""
        for option in reversed(self.options):
            if option.name == name:
                return option.value in (None, "1", "t", "T", "true", "True", "TRUE")
        return False

    def general_has(self, *names):
        return any(option.name in names for option in self.general)

    def general_words(self):
        return [word for option in self.general for word in option.words]

    def words_without(self, *names):
        """The verb's own options but those, as podman is to be given them."""
        return [word for option in self.options if option.name not in names for word in option.words]


class Parser:
    """One walk over the words. parse() returns a Command, or None where podman is to have them unchanged."""

    def __init__(self, words):
        self.words = list(words)
        self.command = Command(None)

    def parse(self):
        inside = False
        while self.words:
            word = self.words.pop(0)
            if word == "--":
                self.command.operands += self.words
                break
            if word.startswith("--"):
                self.long(word)
            elif word.startswith("-") and word != "-":
                self.letters(word[1:])
            elif self.command.verb:
                self.command.operands.append(word)
            elif word == "container" and not inside:
                inside = True
            elif word in VALUES:
                self.command.verb = word
            else:
                return None
        return self.command if self.command.verb else None

    def keep(self, name, value, words):
        """podman takes most of its global options behind the verb, too."""
        here = self.command.verb and name not in GLOBAL_VALUES | GLOBAL_SWITCHES
        (self.command.options if here else self.command.general).append(Option(name, value, words))

    def takes_value(self, name):
        return name in GLOBAL_VALUES or name in VALUES.get(self.command.verb, ())

    def long(self, word):
        name, equals, value = word[2:].partition("=")
        if equals:
            self.keep(name, value, [word])
        elif self.takes_value(name) and self.words:
            value = self.words.pop(0)
            self.keep(name, value, [word, value])
        else:
            self.keep(name, None, [word])

    def letters(self, letters):
        """-Re FILE, -eFILE, -e=FILE: a letter with a value takes the rest."""
        table = LETTERS.get(self.command.verb, GLOBAL_LETTERS)
        while letters:
            letter, letters = letters[0], letters[1:]
            name = table.get(letter, letter)
            if letters.startswith("="):
                self.keep(name, letters[1:], [f"-{letter}{letters}"])
                return
            if self.takes_value(name):
                value = letters or (self.words.pop(0) if self.words else "")
                self.keep(name, value, [f"-{letter}", value])
                return
            self.keep(name, None, [f"-{letter}"])


def parse(words):
    """A Command, or None: not ours, or not understood."""
    return Parser(words).parse()
