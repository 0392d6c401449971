"""A register that is a file or a query: the smallest body's way to answer, read only.  Spec: WA-11; wallet contract §8.1.

`csv:/path/file.csv` has a column `run` and one a field; the file is read anew when it changed.  `sql:name` is a query of the settings with
one parameter `:run`, run in a read-only transaction of its own.
"""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from shared.clock import Clock, rfc3339
from shared.run import InvalidRun, parse_run
from wallet.providers.base import Order, Record, RegisterFailed, RegisterMalformed

Row = dict[str, str]


class CsvRegister:
    """Answers from a file in a folder that the settings name; a path out of it is refused."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder).resolve() if folder else None
        self._kept: dict[Path, tuple[float, dict[str, Row]]] = {}

    def fetch(self, order: Order, kinds: Mapping[str, str]) -> Record:
        """Return the row of a person.  Raises: RegisterFailed and its kinds."""
        path = self._path(order.endpoint.removeprefix("csv:"))
        try:
            changed = path.stat().st_mtime
            if path not in self._kept or self._kept[path][0] != changed:
                self._kept[path] = (changed, _rows(path))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise RegisterFailed(type(error).__name__) from error
        row = self._kept[path][1].get(order.run)
        values = None if row is None else {name: typed(row[name], kinds[name]) for name in order.fields if name in row and name in kinds}
        return Record(as_of=rfc3339(datetime.fromtimestamp(changed, UTC)), values=values)

    def _path(self, name: str) -> Path:
        path = (self._folder / name.lstrip("/")).resolve() if self._folder else None
        if path is None or self._folder is None or not path.is_relative_to(self._folder):
            raise RegisterFailed("no such file")
        return path


class SqlRegister:
    """Answers from queries that the settings name, a line each, `name=url|select … where run = :run`; the transaction is read only."""

    def __init__(self, queries: str, clock: Clock) -> None:
        self._clock = clock
        self._queries: dict[str, tuple[str, str]] = {}
        self._engines: dict[str, Engine] = {}
        for one in queries.splitlines():
            name, _, rest = one.partition("=")
            url, _, query = rest.partition("|")
            if query:
                self._queries[name.strip()] = (url.strip(), query)

    def fetch(self, order: Order, kinds: Mapping[str, str]) -> Record:
        """Return the first row of the query.  Raises: RegisterFailed and its kinds."""
        found = self._queries.get(order.endpoint.removeprefix("sql:"))
        if found is None:
            raise RegisterFailed("no such query")
        url, query = found
        if url not in self._engines:
            address = make_url(url).set(drivername="postgresql+psycopg")
            self._engines[url] = create_engine(address, pool_size=2, connect_args={"connect_timeout": 5})
        engine = self._engines[url]
        try:
            with engine.connect() as connection:
                connection.execute(text("SET TRANSACTION READ ONLY"))
                row = connection.execute(text(query), {"run": order.run}).mappings().first()
        except SQLAlchemyError as error:
            raise RegisterFailed(type(error).__name__) from error
        values = None if row is None else {name: _plain(row[name]) for name in order.fields if name in row and name in kinds}
        return Record(as_of=rfc3339(self._clock.now()), values=values)

    def close(self) -> None:
        """Give connections back."""
        for engine in self._engines.values():
            engine.dispose()


def typed(value: str, kind: str) -> object:
    """Return a cell as the dataset's kind; an empty one is no value.  Raises: RegisterMalformed."""
    if value == "":
        return None
    if kind == "boolean":
        if value.casefold() in {"true", "1", "sí", "si", "yes"}:
            return True
        if value.casefold() in {"false", "0", "no"}:
            return False
        raise RegisterMalformed("a value of another kind")
    if kind == "number":
        try:
            return float(value) if "." in value else int(value)
        except ValueError:
            raise RegisterMalformed("a value of another kind") from None
    return value


def _rows(path: Path) -> dict[str, Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        found: dict[str, Row] = {}
        for row in csv.DictReader(file):
            try:
                found[str(parse_run(row.get("run") or ""))] = {name: value or "" for name, value in row.items() if name}
            except InvalidRun:
                continue  # a line that names nobody answers for nobody
        return found


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
