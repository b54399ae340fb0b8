"""The start: which stage it is, and what a failure means."""
import os
import signal
import sys

from .archive import ENDING, Tarx
from .config import PATH, VARIABLE, Config, load
from .container import Container
from .dump import dump
from .report import Ended, Failure, Report
from .restore import restore

STAGES = {"post-dump": ("dump", dump), "pre-restore": ("restore", restore)}
USAGE = f"""Usage: tarx-criu-hook [--check]

CRIU runs it as an action script. It archives at post-dump what {PATH}
says (or the file that {VARIABLE} names), and puts it back at pre-restore.
--check: only says whether that file is right.

See tarx-criu-hook(8).
"""


def ended(number, _frame):
    raise Ended(f"ended by signal {number}")


def stage(name, program, config, report):
    command, work = STAGES[name]
    load(config)
    container = Container(os.environ)
    report.open(config.log_path and container.fill(config.log_path, command), config.log_level,
                f"{container.id} {command}")
    work(container, config, Tarx(program, config, report), report)


def by_hand(arguments, config):
    if arguments == ["--check"]:
        load(config)
        print(f"{config.path} is right")
    elif arguments == ["--help"]:
        print(USAGE, end="")
    else:
        print(USAGE, end="", file=sys.stderr)
        sys.exit(2)


def main(program, *arguments):
    for number in ENDING:
        signal.signal(number, ended)
    config, report = Config(), Report()
    try:
        name = os.environ.get("CRTOOLS_SCRIPT_ACTION")
        if name in STAGES and not arguments:
            stage(name, program, config, report)
        else:
            by_hand(list(arguments), config)
    except (Failure, Ended, OSError) as error:
        report.error(str(error))
        if config.on_error == "warn" and not arguments:
            report.warning("CRIU goes on, as on_error says")
            return
        sys.exit(1)
