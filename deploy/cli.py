"""The `andamio` command.  Everything weighty is imported by the command that needs it, so that help is instant."""

import argparse
import json
import sys
from collections.abc import Sequence

from deploy.commands import backups, looking, processes, trying, upkeep
from deploy.commands.terminal import Command
from deploy.errors import CannotStart
from deploy.install import cli as install


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status.  What cannot start says one sentence."""
    parser = make_parser()
    parsed, rest = parser.parse_known_args(arguments)
    if hasattr(parsed, "rest"):
        parsed.rest = rest  # a command that reads its own words; the parser's REMAINDER does not take leading options
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    command: Command = parsed.command
    try:
        return command(parsed)
    except CannotStart as fault:
        if getattr(parsed, "json", False):
            print(json.dumps({"ready": False, "error": str(fault)}, ensure_ascii=False))
        print(f"andamio: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="andamio", description="Common components for government: identity, notify, pay and wallet.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for kind in (processes, trying, looking, backups, upkeep, install):
        kind.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
