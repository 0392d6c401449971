"""`andamio keys`, `rotate` and `performance`: what an operator does to a suite that runs."""

import argparse
from pathlib import Path

from deploy.commands.terminal import Subparsers, enter, runs, show
from deploy.errors import CannotStart
from deploy.services import SERVICES


def add(commands: Subparsers) -> None:
    """Add the commands."""
    _add_figures(commands)
    _add_keys(commands)
    files = commands.add_parser("files", help="where notify keeps files").add_subparsers(metavar="ACTION", required=True)
    runs(files.add_parser("move", help="move files to where NOTIFY_FILES_IN says that new ones are kept; everything may run"), _move_files)
    leaving = commands.add_parser("export", help="write everything that a service keeps as CSV, to take it elsewhere")
    leaving.add_argument("service", choices=SERVICES)
    leaving.add_argument("folder", type=Path)
    leaving.add_argument("--with-keys", action="store_true", help="write the data keys too: with them every personal value can be read")
    runs(leaving, _export)


def _add_figures(commands: Subparsers) -> None:
    performance = commands.add_parser("performance", help="figures for open data").add_subparsers(metavar="ACTION", required=True)
    cost = performance.add_parser("cost", help="keep what a public service says one of its products cost it in a month")
    cost.add_argument("component", choices=SERVICES)
    cost.add_argument("--service", required=True, help="the public service, by the id that /performance.json has")
    cost.add_argument("--product", required=True, help="what was done, as there")
    cost.add_argument("--month", required=True, metavar="YYYY-MM")
    cost.add_argument("--amount", required=True, type=int, metavar="MINOR", help="in minor units of the currency")
    cost.add_argument("--currency", default="CLP", help="(default: %(default)s)")
    runs(cost, _performance_cost)


def _add_keys(commands: Subparsers) -> None:
    keys = commands.add_parser("keys", help="list the keys of a service: ids, public keys and how many data keys stand under each")
    keys.add_argument("service", choices=SERVICES)
    runs(keys, _keys)
    rotate = commands.add_parser("rotate", help="change a key while everything runs")
    rotate.add_argument(
        "what",
        choices=("encryption", "signing", "client"),
        help="data keys' wrapping; keys of tokens and receipts; the service's client key",
    )
    rotate.add_argument("service", choices=SERVICES)
    rotate.add_argument("--key-file", type=Path, help="client: the file with the service's client key")
    rotate.add_argument("--finish", action="store_true", help="client: end the old key, once every process has the new one")
    rotate.add_argument("--emergency", action="store_true", help="the old signing key is not trusted any more: do not wait")
    runs(rotate, _rotate)


def _performance_cost(parsed: argparse.Namespace) -> int:
    enter([parsed.component])
    from deploy import operations
    from shared.performance.figures import Cost

    name = operations.keep_cost(
        parsed.component, parsed.service, parsed.product, month=parsed.month, cost=Cost(parsed.amount, parsed.currency)
    )
    told = {"component": parsed.component, "service": parsed.service, "product": parsed.product, "month": parsed.month}
    show(parsed, told, [f"{name}: {parsed.product} in {parsed.month} cost {parsed.amount} {parsed.currency} (minor units)"])
    return 0


def _keys(parsed: argparse.Namespace) -> int:
    enter([parsed.service])
    from deploy import keys

    found = keys.show(parsed.service)
    show(parsed, found, [f"{what}: {value}" for what, value in found.items()])
    return 0


def _export(parsed: argparse.Namespace) -> int:
    enter([parsed.service])
    from deploy import leaving

    written = leaving.export(parsed.service, parsed.folder, with_keys=parsed.with_keys)
    show(parsed, {"tables": {one.table: one.rows for one in written}}, [f"{one.table}: {one.rows} rows" for one in written])
    return 0


def _move_files(parsed: argparse.Namespace) -> int:
    enter(["notify"])
    from deploy import operations

    moved = operations.move_files()
    show(parsed, moved, [f"{kind}: {number} moved" for kind, number in moved.items()])
    return 0


def _rotate(parsed: argparse.Namespace) -> int:
    enter([parsed.service] if parsed.what != "client" else ["identity"])
    from deploy import keys

    if parsed.what == "client":
        if parsed.key_file is None:
            raise CannotStart("Name the file with the client's key: --key-file.")
        done = keys.renew_client_key(parsed.service, parsed.key_file, finish=parsed.finish)
    else:
        done = keys.rotate(parsed.service, parsed.what, emergency=parsed.emergency)
    show(parsed, {"done": done}, done)
    return 0
