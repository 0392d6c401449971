"""`andamio backup` and `restore`."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.commands.terminal import Subparsers, enter, runs, show
from deploy.errors import CannotStart
from deploy.services import SERVICES

if TYPE_CHECKING:
    from deploy.backup.making import Made


def add(commands: Subparsers) -> None:
    """Add the commands."""
    backup = commands.add_parser("backup", help="dump the four databases, and the files in the bucket, into an empty folder")
    backup.add_argument("folder", type=Path)
    runs(backup, _backup)
    restore = commands.add_parser("restore", help="load a backup into a server, and prove that it is whole")
    restore.add_argument("folder", type=Path)
    restore.add_argument("--into", metavar="URL", help="address of the server as an administrator (default: the installation's own)")
    restore.add_argument("--prefix", default="", help="what the databases' names begin with (default: nothing)")
    restore.add_argument(
        "--verify", action="store_true", help="recompute audit logs and books, and look at each file, in what was restored"
    )
    restore.add_argument("--drop", action="store_true", help="a rehearsal: drop what was restored, once it was verified")
    runs(restore, _restore)


def _enter_directly() -> None:
    """Take the settings of all four; in an installation the owners' addresses, which go to PostgreSQL itself and to no pooler."""
    enter(SERVICES)
    if installation := os.environ.get("ANDAMIO_INSTALLATION"):
        for service in SERVICES:
            address = Path(installation) / "secrets" / f"{service}-migrate" / "database_url"
            if address.exists():
                os.environ |= {f"{service}_DATABASE_URL_FILE".upper(): str(address), f"{service}_DATABASE_POOLED".upper(): "false"}


def _backup(parsed: argparse.Namespace) -> int:
    _enter_directly()
    from deploy.backup import making

    made = making.back_up(parsed.folder)
    lines = [f"{one.what}: {one.bytes / 1e6:.1f} MB in {one.seconds} s" for one in made.kept]
    show(parsed, {"kept": [vars(one) for one in made.kept], "files": vars(made.files)}, [*lines, *_of_files(made)])
    return 1 if made.files.missing else 0


def _of_files(made: "Made") -> list[str]:
    lines = []
    if made.files.gone:
        lines.append(f"{made.files.gone} files were deleted meanwhile, as their time had come")
    if made.files.missing:
        lines.append(f"{made.files.missing} files have a row and are not in the bucket: see notify.files.absent")
    return lines


def _restore(parsed: argparse.Namespace) -> int:
    if parsed.drop and not (parsed.prefix and parsed.verify):
        raise CannotStart("--drop goes with --prefix and --verify: it drops the databases of a rehearsal.")
    enter(SERVICES)
    from deploy.backup import proving, restoring

    server = parsed.into or _own_server()
    done = restoring.restore(parsed.folder, server, prefix=parsed.prefix)
    faults = done.faults + (proving.prove(parsed.folder, done.addresses) if parsed.verify else [])
    if parsed.drop:
        restoring.drop(server, done.addresses)
    lines = [f"{service}: restored" for service in done.addresses]
    lines += [f"{done.files} files: put into their rows"] if done.files else []
    lines += faults
    if parsed.verify and not faults:
        lines.append("The audit logs, the books and the files are whole.")
    if parsed.drop:
        lines.append("What was restored is dropped again.")
    show(parsed, {"restored": list(done.addresses), "files": done.files, "verified": parsed.verify, "faults": faults}, lines)
    return 1 if faults else 0


def _own_server() -> str:
    from deploy.install.folder import administrator

    installation = os.environ.get("ANDAMIO_INSTALLATION")
    if not installation:
        raise CannotStart("Name the server to restore into: --into URL, the address of an administrator")
    return administrator(Path(installation))
