"""A migration expands; what takes something away says since when nobody uses it.  docs/operations/upgrades.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.services import SERVICES
from shared.migrations import LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS

ROOT = Path(__file__).resolve().parents[2]
BEFORE_THE_FIRST_RELEASE = {"identity": "0011", "notify": "0015", "pay": "0007", "wallet": "0008"}
"""Up to these the tables changed freely: nobody ran them."""
BUSY = "notifications|letter_files"
LOCKS_WRITERS = re.compile(rf"\bcreate\s+(unique\s+)?index\s+(?!concurrently).*?\bon\s+({BUSY})\b", re.IGNORECASE | re.DOTALL)
"""Of tables that take messages at every moment: an index is made ON ONLY the whole, then CONCURRENTLY on each part."""
TAKES_AWAY = {"drop_table", "drop_column", "rename_table"}
SQL_TAKES_AWAY = re.compile(r"\b(drop\s+(table|column)|rename\s+(to|column)|set\s+not\s+null|alter\s+column\s+\S+\s+type)\b", re.IGNORECASE)


def migrations() -> list[Path]:
    return [
        path
        for service in SERVICES
        for path in sorted((ROOT / service / "migrations" / "versions").glob("0*.py"))
        if path.name[:4] > BEFORE_THE_FIRST_RELEASE[service]
    ]


def faults(source: str) -> list[str]:
    """What in `upgrade` an older process could not live with."""
    tree = ast.parse(source)
    return [fault for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade" for fault in _faults_in(node)]


def _faults_in(upgrade: ast.FunctionDef) -> Iterator[str]:
    for call in (node for node in ast.walk(upgrade) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        said = {keyword.arg: keyword.value for keyword in call.keywords}
        if name in TAKES_AWAY:
            yield f"line {call.lineno}: {name}"
        if name == "alter_column" and (_is(said.get("nullable"), False) or {"new_column_name", "type_"} & set(said)):
            yield f"line {call.lineno}: alter_column makes it narrower or another"
        if name == "add_column" and any(_needs_a_value(column) for column in call.args[1:]):
            yield f"line {call.lineno}: add_column NOT NULL without a default: an older process writes rows without it"
        if name == "execute" and SQL_TAKES_AWAY.search(ast.unparse(call)):
            yield f"line {call.lineno}: SQL that takes away, renames or narrows"
        if name == "execute" and LOCKS_WRITERS.search(ast.unparse(call)):
            yield f"line {call.lineno}: an index that writers of a busy table wait for"
        if name == "create_unique_constraint" or (name == "create_index" and _is(said.get("unique"), True)):
            yield f"line {call.lineno}: unique from now on: an older process may write what is refused"


def _is(value: ast.expr | None, wanted: bool) -> bool:
    return isinstance(value, ast.Constant) and value.value is wanted


def _needs_a_value(column: ast.expr) -> bool:
    if not isinstance(column, ast.Call):
        return False
    said = {keyword.arg: keyword.value for keyword in column.keywords}
    return _is(said.get("nullable"), False) and "server_default" not in said


def new_tables(source: str) -> set[str]:
    return set(re.findall(r"create_table\(\s*\"(\w+)\"", source))


def test_migrations_expand_or_say_what_they_contract() -> None:
    """`CONTRACTS = "…"` in a migration says which release stopped using what goes."""
    found = {}
    for path in migrations():
        source = path.read_text()
        left = [fault for fault in faults(source) if not (new_tables(source) and "unique" in fault)]
        if left and not re.search(r'^CONTRACTS = "(?=.{20,})', source, re.MULTILINE):
            found[str(path.relative_to(ROOT))] = left
    assert not found, "expand first; contract a release later, with CONTRACTS"


@pytest.mark.parametrize(
    ("statement", "is_fault"),
    [
        ('op.drop_column("payments", "x")', True),
        ('op.drop_table("payments")', True),
        ('op.rename_table("a", "b")', True),
        ('op.alter_column("a", "b", nullable=False)', True),
        ('op.alter_column("a", "b", new_column_name="c")', True),
        ('op.alter_column("a", "b", type_=sa.Text)', True),
        ('op.add_column("a", sa.Column("b", sa.Text, nullable=False))', True),
        ('op.execute("ALTER TABLE a ALTER COLUMN b SET NOT NULL")', True),
        ('op.execute("ALTER TABLE a RENAME COLUMN b TO c")', True),
        ('op.create_index("i", "a", ["b"], unique=True)', True),
        ('op.add_column("a", sa.Column("b", sa.Text, nullable=False, server_default=""))', False),
        ('op.add_column("a", sa.Column("b", sa.Text))', False),
        ('op.create_table("a", sa.Column("b", sa.Text, nullable=False))', False),
        ('op.create_index("i", "a", ["b"])', False),
        ('op.execute(f"CREATE INDEX {name} ON notifications (a)")', True),
        ('op.execute("CREATE INDEX i ON ONLY notifications (a)")', False),
        ('op.execute("CREATE INDEX CONCURRENTLY i ON days.notifications_rest (a)")', False),
        ('op.alter_column("a", "b", nullable=True)', False),
        ('op.drop_constraint("c", "a")', False),
    ],
)
def test_the_rule_finds_what_takes_away(statement: str, is_fault: bool) -> None:
    assert bool(faults(f"def upgrade():\n    {statement}\n")) is is_fault
    assert not faults(f"def downgrade():\n    {statement}\n")


def test_a_migration_never_stands_in_front_of_users() -> None:
    assert 0 < LOCK_TIMEOUT_MS <= 5_000
    assert 0 < STATEMENT_TIMEOUT_MS <= 60_000
