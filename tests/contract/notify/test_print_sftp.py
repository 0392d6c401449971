"""Letters to a print supplier over SFTP: what arrives, what comes back, what goes wrong."""

import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from notify.context import Notify
from notify.operations.print_batches import make_batch, read_print_receipts, send_batches
from notify.providers.base import ProviderRefused, ProviderUnavailable
from notify.providers.print_sftp import PrintAccount, SftpPrint
from notify.standards.print_manifest import NotAReceipt, Printed, pack, read_receipt
from notify.standards.ssh_keys import is_host_key, is_private_key
from tests.factories.notify import World, add_notification
from tests.factories.notify_fixtures import RunJobs
from tests.factories.sftp import SftpServer, make_key, serving

ANY = uuid.UUID("0190a7c0-0000-4000-8000-000000000001")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    with serving(tmp_path / "supplier") as made:
        yield made


def account(server: SftpServer) -> PrintAccount:
    return PrintAccount("127.0.0.1", server.port, "andamio", server.private_key, server.host_key)


@pytest.fixture
def shop(server: SftpServer, notify: Notify) -> SftpPrint:
    notify.print_shop = SftpPrint(account(server), timeout_seconds=10)
    return notify.print_shop


def letters(world: World, run_jobs: RunJobs, count: int = 2) -> list[uuid.UUID]:
    """Letters that were rendered and wait for a batch."""
    made = [add_notification(world, "letter", to="Camila") for _ in range(count)]
    with world.notify.transaction() as tx:
        for notification_id in made:
            tx.enqueue("render_letter", {"notification_id": str(notification_id)})
    run_jobs()
    return sorted(made)


def statuses(notify: Notify, made: list[uuid.UUID]) -> list[str]:
    with notify.reading() as tx:
        rows = tx.connection.execute(sql("select id, status from notifications where id = any(:ids)"), {"ids": made})
        found = {row.id: str(row.status) for row in rows}
    return [found[each] for each in made]


def batches(notify: Notify) -> list[str]:
    with notify.reading() as tx:
        return list(tx.connection.execute(sql("select state from print_batches order by created_at")).scalars())


@pytest.mark.rule("notify", "§17")
def test_letters_arrive_in_a_batch_with_a_manifest_that_adds_up(
    server: SftpServer, shop: SftpPrint, notify: Notify, world: World, run_jobs: RunJobs
) -> None:
    made = letters(world, run_jobs)
    assert statuses(notify, made) == ["sending", "sending"]
    assert send_batches(notify) == 1
    (archive,) = (server.folder / "out").glob("*.zip")
    (described,) = (server.folder / "out").glob("*.manifest.json")
    manifest = json.loads(described.read_text())
    assert manifest["archive"]["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    with zipfile.ZipFile(archive) as packed:
        assert [uuid.UUID(letter["id"]) for letter in manifest["letters"]] == made
        for letter in manifest["letters"]:
            pdf = packed.read(letter["file"])
            assert pdf.startswith(b"%PDF-")
            assert hashlib.sha256(pdf).hexdigest() == letter["sha256"]
            assert (letter["pages"], letter["sheets"], letter["postage"]) == (1, 1, "second")
    assert not list((server.folder / "out").glob("*.part"))
    assert send_batches(notify) == 0
    assert batches(notify) == ["uploaded"]


@pytest.mark.rule("notify", "§19")
def test_receipts_give_the_letters_their_outcome(
    server: SftpServer, shop: SftpPrint, notify: Notify, world: World, run_jobs: RunJobs
) -> None:
    made = letters(world, run_jobs)
    send_batches(notify)
    batch = next((server.folder / "out").glob("*.zip")).stem
    receipt = {"batch": batch, "letters": [{"id": str(made[0]), "status": "DESPATCHED"}]}
    (server.folder / "in" / "a.receipt.json").write_text(json.dumps(receipt))
    (server.folder / "in" / "b.receipt.json").write_text("{ not json")
    (server.folder / "in" / "notes.txt").write_text("hola")
    assert read_print_receipts(notify) == 2
    assert statuses(notify, made) == ["delivered", "sending"]
    assert batches(notify) == ["uploaded"]
    rest = {"batch": batch, "letters": [{"id": str(made[1]), "status": "rejected"}, {"id": str(uuid.uuid4()), "status": "DESPATCHED"}]}
    (server.folder / "in" / "c.receipt.json").write_text(json.dumps(rest))
    assert read_print_receipts(notify) == 1
    assert statuses(notify, made) == ["delivered", "technical-failure"]
    assert batches(notify) == ["receipted"]
    back = {"batch": batch, "letters": [{"id": str(made[0]), "status": "RETURNED"}]}
    (server.folder / "in" / "d.receipt.json").write_text(json.dumps(back))
    assert read_print_receipts(notify) == 1
    assert statuses(notify, made) == ["returned-letter", "technical-failure"]
    done = sorted(path.name for path in (server.folder / "in" / "done").iterdir())
    assert done == ["a.receipt.json", "c.receipt.json", "d.receipt.json"]
    assert [path.name for path in (server.folder / "in" / "bad").iterdir()] == ["b.receipt.json"]


@pytest.mark.rule("notify", "§17")
def test_a_batch_that_did_not_arrive_is_sent_again_as_the_same_one(
    server: SftpServer, shop: SftpPrint, notify: Notify, world: World, run_jobs: RunJobs
) -> None:
    letters(world, run_jobs)
    notify.print_shop = SftpPrint(replace(account(server), port=1), timeout_seconds=1)
    with pytest.raises(ProviderUnavailable):
        send_batches(notify)
    assert batches(notify) == ["made"]
    later = letters(world, run_jobs, 1)
    assert len(later) == 1
    notify.print_shop = shop
    assert send_batches(notify) == 2
    assert len(list((server.folder / "out").glob("*.zip"))) == 2
    assert make_batch(notify) is None


def test_another_host_and_a_stranger_are_refused(server: SftpServer) -> None:
    _, other = make_key()
    stranger, _ = make_key()
    for wrong in (
        replace(account(server), host_key=f"{other.get_name()} {other.get_base64()}"),
        replace(account(server), private_key=stranger),
    ):
        with pytest.raises(ProviderRefused):
            SftpPrint(wrong, timeout_seconds=5).list_receipts()


def test_keys_that_are_none_are_found_at_start(server: SftpServer) -> None:
    assert is_private_key(server.private_key)
    assert is_host_key(server.host_key)
    assert not any(is_private_key(text) for text in ("", "nonsense", server.host_key))
    assert not any(is_host_key(text) for text in ("", "ssh-ed25519 !!", server.private_key))


def test_a_batch_always_makes_the_same_files() -> None:
    batch, letter = uuid.uuid4(), Printed(uuid.uuid4(), b"%PDF-1.7", 3, "first")
    assert pack(batch, [letter]) == pack(batch, [letter])
    with zipfile.ZipFile(io.BytesIO(pack(batch, [letter])[0])) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"batch": "x", "letters": []}',
        json.dumps({"batch": str(ANY), "letters": [{"id": "x", "status": "DESPATCHED"}]}).encode(),
        json.dumps({"batch": str(ANY), "letters": [{"id": str(ANY), "status": "LOST"}]}).encode(),
        json.dumps({"batch": str(ANY), "letters": {}}).encode(),
        b"[" * 200_000,
        b"x" * (5 * 1024 * 1024 + 1),
    ],
    ids=["empty", "list", "null", "no batch", "no id", "no status", "no list", "deep", "large"],
)
def test_what_is_no_receipt_is_refused(raw: bytes) -> None:
    with pytest.raises(NotAReceipt):
        read_receipt(raw)
