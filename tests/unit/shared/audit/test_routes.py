import uuid
from enum import StrEnum
from http import HTTPStatus

import pytest
from flask.testing import FlaskClient

from shared.app import base_app
from shared.audit import merkle
from shared.audit.checkpoint import Signer, Verifier
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.audit.tables import audit_sequence
from shared.audit.witness import witness
from shared.context import Context

ROWS = 7


class Action(StrEnum):
    MADE = "tests:thing:make"


@pytest.fixture
def client(context: Context) -> FlaskClient:
    """A service whose log has seven signed rows, after a checkpoint of four."""
    app = base_app(context, import_name="shared")
    for number in range(ROWS):
        with context.transaction() as tx:
            tx.record(Action.MADE, actor="client:tests", subject=f"cl-run:{number}-0", object_id=f"thing_{number}")
        if number in {3, ROWS - 1}:
            with context.db.begin() as connection:
                sequence_pending(connection)
                sign_checkpoint(connection, context.audit_signer, context.clock, every_seconds=0)
    return app.test_client()


def _leaves(client: FlaskClient) -> list[bytes]:
    return [bytes.fromhex(leaf) for leaf in client.get(f"/log/v1/leaves?start=0&end={ROWS}").get_json()["leaves"]]


def _entry_id(context: Context, seq: int) -> str:
    with context.reading() as tx:
        query = audit_sequence.select().where(audit_sequence.c.seq == seq)
        return str(tx.connection.execute(query).one().entry_id)


def _path(document: dict[str, list[str]]) -> list[bytes]:
    return [bytes.fromhex(step) for step in document["path"]]


def test_wallet_10_2_the_last_checkpoint_opens_with_the_published_key_and_is_of_the_leaves(client: FlaskClient) -> None:
    key = client.get("/log/v1/key")
    answer = client.get("/log/v1/checkpoint")
    assert (key.mimetype, answer.mimetype) == ("text/plain", "text/plain")
    checkpoint = Verifier.parse(key.text).open(answer.text)
    assert (checkpoint.origin, checkpoint.size) == ("localhost:9000/log", ROWS)
    assert checkpoint.root == merkle.root_of(_leaves(client))


def test_wallet_10_2_the_checkpoint_of_a_size(client: FlaskClient, context: Context) -> None:
    checkpoint = context.audit_signer.verifier.open(client.get("/log/v1/checkpoints/4").text)
    assert (checkpoint.size, checkpoint.root) == (4, merkle.root_of(_leaves(client)[:4]))


def test_wallet_10_2_consistency_of_two_sizes(client: FlaskClient) -> None:
    document = client.get(f"/log/v1/consistency?from=4&to={ROWS}").get_json()
    leaves = _leaves(client)
    assert (document["from"], document["to"]) == (4, ROWS)
    assert merkle.verify_consistency(4, merkle.root_of(leaves[:4]), ROWS, merkle.root_of(leaves), _path(document))


@pytest.mark.parametrize("size", [None, 5, ROWS])
def test_wallet_10_2_proof_of_an_entry(client: FlaskClient, context: Context, size: int | None) -> None:
    query = "" if size is None else f"?size={size}"
    document = client.get(f"/log/v1/entries/{_entry_id(context, 3)}/proof{query}").get_json()
    leaves = _leaves(client)
    assert document.keys() == {"leaf_hash", "index", "tree_size", "path"}
    assert (document["leaf_hash"], document["index"], document["tree_size"]) == (leaves[2].hex(), 2, size or ROWS)
    assert merkle.verify_inclusion(leaves[2], 2, document["tree_size"], _path(document), merkle.root_of(leaves[:size]))


def test_leaves_end_where_the_log_ends(client: FlaskClient) -> None:
    document = client.get("/log/v1/leaves?start=5&end=500").get_json()
    assert (document["start"], document["end"], len(document["leaves"])) == (5, ROWS, 2)
    assert client.get("/log/v1/leaves?start=100&end=200").get_json() == {"start": 100, "end": 100, "leaves": []}


def test_what_was_witnessed_is_shown(client: FlaskClient, context: Context) -> None:
    peer = Signer(b"\x42" * 32, "notify.example/log")
    note = peer.sign(3, bytes(32))
    with context.db.begin() as connection:
        witness(connection, context.clock, note, verifier_key=peer.verifier_key, fetch_consistency=lambda _old, _new: [])
    assert client.get("/log/v1/witnessed?origin=notify.example/log").text == note
    assert client.get("/log/v1/witnessed?origin=pay.example/log").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    "path",
    [
        "/checkpoints/5",
        "/checkpoints/99999999999999999999999",
        f"/consistency?from=3&to={ROWS + 1}",
        "/consistency?from=4&to=3",
        f"/entries/{uuid.UUID(int=7)}/proof",
        "/entries/not-an-id/proof",
    ],
)
def test_what_is_not_there_is_not_found(client: FlaskClient, path: str) -> None:
    answer = client.get("/log/v1" + path)
    assert (answer.status_code, answer.mimetype) == (HTTPStatus.NOT_FOUND, "application/problem+json")


@pytest.mark.parametrize(
    "path",
    [
        "/consistency",
        "/consistency?from=1",
        "/consistency?from=-1&to=3",
        "/consistency?from=a&to=3",
        "/consistency?from=%D9%A1&to=3",
        "/consistency?from=1&to=99999999999999999999999",
        f"/entries/{uuid.UUID(int=7)}/proof?size=",
        "/leaves?start=3&end=2",
        "/leaves?start=0&end=1001",
        "/witnessed",
        "/witnessed?origin=a%00b",
    ],
)
def test_what_cannot_be_read_is_refused(client: FlaskClient, path: str) -> None:
    answer = client.get("/log/v1" + path)
    assert (answer.status_code, answer.mimetype) == (HTTPStatus.BAD_REQUEST, "application/problem+json")


def test_an_entry_is_proven_only_once_it_is_signed(client: FlaskClient, context: Context) -> None:
    with context.transaction() as tx:
        tx.record(Action.MADE, actor="client:tests")
    with context.db.begin() as connection:
        sequence_pending(connection)
    answer = client.get(f"/log/v1/entries/{_entry_id(context, ROWS + 1)}/proof")
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "minute" in answer.get_json()["detail"]


def test_an_empty_log_has_no_checkpoint(context: Context) -> None:
    app = base_app(context, import_name="shared")
    assert app.test_client().get("/log/v1/checkpoint").status_code == HTTPStatus.NOT_FOUND


def test_nothing_is_said_about_what_happened(client: FlaskClient, context: Context) -> None:
    entry_id = _entry_id(context, 3)
    paths = ["/checkpoint", "/checkpoints/4", "/consistency?from=4&to=7", f"/entries/{entry_id}/proof", "/leaves?start=0&end=7", "/key"]
    text = "".join(client.get("/log/v1" + path).text for path in paths)
    assert "thing" not in text
    assert "cl-run" not in text
