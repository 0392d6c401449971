"""`andamio sandbox`, `journey` and `onboard`: the suite on this machine, a person who walks through it, a first service in it."""

import argparse
import os

from deploy.commands.terminal import Subparsers, runs, show
from deploy.errors import CannotStart


def add(commands: Subparsers) -> None:
    """Add the commands."""
    sandbox = commands.add_parser(
        "sandbox", help="run everything on this machine, with people and keys to try", description="SANDBOX_DIR and SANDBOX_PORT move it."
    )
    sandbox.add_argument("--fresh", action="store_true", help="delete what an earlier sandbox left and begin anew")
    runs(sandbox, _sandbox)
    journey = commands.add_parser("journey", help="walk one person through all four services over HTTP", add_help=False)
    journey.set_defaults(command=_journey, rest=[])
    onboard = commands.add_parser(
        "onboard", help="register an organisation and service, and make a first call to each of the four services"
    )
    _onboard_arguments(onboard)
    runs(onboard, _onboard)


def _sandbox(parsed: argparse.Namespace) -> int:
    if os.name == "nt":
        raise CannotStart("Windows is not supported by itself: run the sandbox in the Windows Subsystem for Linux (WSL 2).")
    from deploy.sandbox import start

    start.run(fresh=parsed.fresh, as_json=parsed.json)
    return 0


def _journey(parsed: argparse.Namespace) -> int:
    from deploy import journey

    return journey.main(parsed.rest)


def _onboard_arguments(parser: argparse.ArgumentParser) -> None:
    from deploy.onboard_fields import FIELDS

    for name, example in FIELDS.items():
        parser.add_argument("--" + name.replace("_", "-"), default=example, help=f"(default: {example})")


def _onboard(parsed: argparse.Namespace) -> int:
    from deploy import onboard

    document, lines = onboard.onboard(parsed)
    show(parsed, document, lines)
    return 0
