"""Letters to a print supplier over SFTP: what arrives, what comes back, what goes wrong."""

import hashlib
import io
import json
import uuid
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from notify.context import BEHIND_AFTER, Notify
from notify.models.team import Member
from notify.operations.print_batches import make_batch, read_print_receipts, send_batches
from notify.operations.providers import list_providers, set_weight
from notify.providers.base import ProviderRefused, ProviderUnavailable
from notify.providers.print_sftp import PrintAccount, SftpPrint
from notify.providers.routing import Breaker, Route
from notify.standards.print_manifest import NotAReceipt, Printed, pack, read_receipt
from notify.standards.ssh_keys import is_host_key, is_private_key
from shared.clock import FixedClock
from shared.settings import Secret
from tests.factories.notify import World, add_notification
from tests.factories.notify_fixtures import RunJobs
from tests.factories.sftp import SftpServer, make_key, serving

OPERATOR = Member("s-1", "Óscar", ("operator",))
ANY = uuid.UUID("0190a7c0-0000-4000-8000-000000000001")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    with serving(tmp_path / "supplier") as made:
        yield made


def account(server: SftpServer) -> PrintAccount:
    return PrintAccount("127.0.0.1", server.port, "andamio", server.private_key, server.host_key)


def supplier(notify: Notify, where: PrintAccount, *, name: str = "print-sftp", timeout_seconds: float = 10) -> SftpPrint:
    return SftpPrint(where, notify._queue_letter, name=name, timeout_seconds=timeout_seconds)


def set_up(notify: Notify, *shops: SftpPrint) -> None:
    notify.__dict__.pop("printer", None)
    notify.print_routes = tuple(Route(shop.name, shop, Breaker(notify.clock), for_good=True) for shop in shops)


@pytest.fixture
def shop(server: SftpServer, notify: Notify) -> SftpPrint:
    made = supplier(notify, account(server))
    set_up(notify, made)
    return made


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
    set_up(notify, supplier(notify, replace(account(server), port=1), timeout_seconds=1))
    with pytest.raises(ProviderUnavailable):
        send_batches(notify)
    assert batches(notify) == ["made"]
    later = letters(world, run_jobs, 1)
    assert len(later) == 1
    set_up(notify, shop)
    assert send_batches(notify) == 2
    assert len(list((server.folder / "out").glob("*.zip"))) == 2
    assert make_batch(notify, shop.name) is None


@pytest.mark.rule("notify", "§17", "§19")
def test_a_batch_that_arrived_is_not_sent_again_where_our_note_of_it_was_lost(
    server: SftpServer, shop: SftpPrint, notify: Notify, world: World, run_jobs: RunJobs
) -> None:
    """The worker died after the upload, and the supplier was faster than the next."""
    made = letters(world, run_jobs)
    send_batches(notify)
    with notify.db.begin() as connection:
        connection.execute(sql("update print_batches set state = 'made', uploaded_at = null"))
    batch = next((server.folder / "out").glob("*.zip")).stem
    receipt = {"batch": batch, "letters": [{"id": str(each), "status": "DESPATCHED"} for each in made]}
    (server.folder / "in" / "b.receipt.json").write_text(json.dumps(receipt))
    (server.folder / "in" / "a.receipt.json").mkdir()  # what cannot be fetched keeps nothing from the others
    with pytest.raises(ProviderUnavailable):
        read_print_receipts(notify)
    assert statuses(notify, made) == ["delivered", "delivered"]
    assert batches(notify) == ["receipted"]
    assert send_batches(notify) == 0


def waiting(notify: Notify) -> Counter[str]:
    with notify.reading() as tx:
        return Counter(tx.connection.execute(sql("select printer from print_items where batch_id is null")).scalars())


@pytest.mark.rule("notify", "§17", "§20")
def test_two_suppliers_share_and_one_that_is_away_keeps_nothing_from_the_other(
    server: SftpServer, shop: SftpPrint, notify: Notify, world: World, run_jobs: RunJobs, clock: FixedClock
) -> None:
    away = supplier(notify, replace(account(server), port=1), name="lejos", timeout_seconds=1)
    set_up(notify, away, shop)
    made = letters(world, run_jobs, 12)
    assert set(statuses(notify, made)) == {"sending"}
    share = waiting(notify)
    assert set(share) == {"lejos", "print-sftp"}
    with pytest.raises(ProviderUnavailable):
        send_batches(notify)
    assert sorted(batches(notify)) == ["made", "uploaded"]
    assert len(list((server.folder / "out").glob("*.zip"))) == 1
    clock.advance(seconds=BEHIND_AFTER.total_seconds() + 1)  # who left a batch lying for an hour gets no new letters
    letters(world, run_jobs, 12)
    assert waiting(notify) == {"print-sftp": 12}
    set_weight(notify, OPERATOR, "letter", "lejos", 0)
    assert send_batches(notify) == 1  # nothing goes to one that is paused
    set_weight(notify, OPERATOR, "letter", "lejos", 1)
    set_up(notify, supplier(notify, account(server), name="lejos"), shop)
    assert send_batches(notify) == 1  # what was the other's all the time
    assert len(list((server.folder / "out").glob("*.zip"))) == 3


@pytest.mark.rule("notify", "§20")
def test_a_share_of_0_in_the_settings_pauses_too(shop: SftpPrint, notify: Notify, world: World, run_jobs: RunJobs) -> None:
    letters(world, run_jobs, 1)
    notify.print_routes = (replace(notify.print_routes[0], weight=0),)
    assert send_batches(notify) == 0
    set_weight(notify, OPERATOR, "letter", shop.name, 1)
    assert send_batches(notify) == 1


@pytest.mark.rule("notify", "§19")
def test_a_supplier_tells_of_its_own_letters_only(
    server: SftpServer, shop: SftpPrint, notify: Notify, world: World, run_jobs: RunJobs
) -> None:
    made = letters(world, run_jobs, 1)
    send_batches(notify)
    batch = next((server.folder / "out").glob("*.zip")).stem
    set_up(notify, supplier(notify, account(server), name="otro"))
    forged = {"batch": batch, "letters": [{"id": str(made[0]), "status": "REJECTED"}]}
    (server.folder / "in" / "a.receipt.json").write_text(json.dumps(forged))
    assert read_print_receipts(notify) == 1
    assert statuses(notify, made) == ["sending"]
    assert batches(notify) == ["uploaded"]
    with notify.reading() as tx:
        noted = tx.connection.execute(sql("select core from audit_entries where core like '%receipt:refused%'")).scalars().all()
    assert [json.loads(core)["actor"] for core in noted] == ["provider:otro"]


@pytest.mark.rule("notify", "§17", "§20")
def test_a_supplier_by_sftp_is_weighted_beside_printers_over_http(
    server: SftpServer, notify: Notify, world: World, run_jobs: RunJobs, caplog: pytest.LogCaptureFixture
) -> None:
    own = {"username": "andamio", "key": server.private_key, "host_key": server.host_key, "host": "127.0.0.1", "port": server.port}
    listed = [
        {"name": "taller", "kind": "sftp", "weight": 3, "per_minute": 5, **own},
        {"name": "web", "url": f"http://127.0.0.1:{server.port}/"},
    ]
    notify.settings = replace(notify.settings, print_providers=Secret(json.dumps(listed)))
    notify.__dict__.pop("printer", None)
    assert {(card.name, card.weight) for card in list_providers(notify) if card.channel == "letter"} == {("taller", 3), ("web", 1)}
    set_weight(notify, OPERATOR, "letter", "web", 0)
    made = letters(world, run_jobs, 6)  # one over the cap of one service
    assert Counter(statuses(notify, made)) == {"sending": 5, "created": 1}
    assert waiting(notify) == {"taller": 5}
    assert send_batches(notify) == 1


def test_another_host_and_a_stranger_are_refused(server: SftpServer, notify: Notify) -> None:
    _, other = make_key()
    stranger, _ = make_key()
    for wrong in (
        replace(account(server), host_key=f"{other.get_name()} {other.get_base64()}"),
        replace(account(server), private_key=stranger),
    ):
        with pytest.raises(ProviderRefused):
            supplier(notify, wrong, timeout_seconds=5).list_receipts()


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
