"""The log seen by others: reports, reconciliation, findUsage, delayed visibility, exports.  Spec: wallet contract §10.3 to §10.5."""

import csv
import io
import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest
from joserfc.jwk import ECKey

from deploy.errors import CannotStart
from deploy.exports import check_export
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.clock import rfc3339
from shared.http import OutboundFailed, Reply
from tests.factories.wallet import CONSUMER, DATASET, FIELDS, LAW, LAW_AGREEMENT, PROVIDER, PUBLIC_URL, RUN, SCHOOL, World
from wallet.models.exchange import Exchange
from wallet.operations.access_log import Filters, read_log
from wallet.operations.usages import usages_elsewhere
from wallet.operations.visibility import allow_delay, hidden_counts, prolong, release_due
from wallet.provider.reports import Answered, signed_report
from wallet.standards import signing

BY_LAW = {"kind": "law", "law_reference": LAW, "agreement_id": LAW_AGREEMENT}
KEY = signing.new_key("provider-1")


def code(answer: Any) -> str:
    return str(answer.json["type"]).removeprefix("urn:andamio:problem:")


def minted(world: World) -> uuid.UUID:
    """An exchange of the token way, as the token endpoint leaves it."""
    now, txn = world.clock.now(), uuid.uuid4()
    row = Exchange(
        client_id=CONSUMER, request_id=txn.hex, txn=txn, body_sha256="", agreement_id=LAW_AGREEMENT, state="minted", counted=True
    )
    row.attempted_at = row.created_at = now
    world.add(row)
    return txn


def report(world: World, *answered: Answered, key: ECKey = KEY, client_id: str = PROVIDER, **changes: str) -> Any:
    jwks = json.dumps({"keys": [KEY.as_dict(private=False)]})
    world.run_sql("update clients set jwks = cast(:jwks as jsonb) where client_id = :id", id=PROVIDER, jwks=jwks)
    now = int(world.clock.now().timestamp())
    values = {"client_id": PROVIDER, "wallet_url": PUBLIC_URL, **changes}
    body = signed_report(answered, now=now, key=key, **values)
    return world.app.test_client().post("/log/v1/reports", data=body, headers=world.bearer(client_id, "wallet:log"))


def answered(world: World, txn: uuid.UUID, **changes: Any) -> Answered:
    values: dict[str, Any] = {"txn": str(txn), "occurred_at": rfc3339(world.clock.now()), "outcome": "released", "dataset_id": DATASET}
    values |= {"client_id": CONSUMER, "fields": FIELDS, "subject": {"scheme": "cl-run", "value": RUN}}
    return Answered(**(values | changes))


@pytest.mark.rule("wallet", "§10.5", "L4")
def test_a_report_is_in_the_log_once_and_the_person_reads_it(world: World) -> None:
    txn = minted(world)
    first, again = report(world, answered(world, txn)), report(world, answered(world, txn))
    assert first.json == {"written": 1, "repeated": 0, "late": 0, "unknown": []}
    assert again.json == {"written": 0, "repeated": 1, "late": 0, "unknown": []}
    assert [(core["outcome"], core["reporter"]) for core in world.log(txn=str(txn))] == [("released", "provider")]
    line = read_log(world.wallet, world.presence(), Filters(), lang="es").lines[0]
    assert (line.txn, line.outcome, line.org_name) == (str(txn), "released", "Colegio Las Araucarias")
    assert world.browser().get("/access-log").status_code == 200
    assert world.run_sql("select state from exchanges") == [("released",)]


@pytest.mark.rule("wallet", "L5")
def test_what_comes_after_48_hours_is_marked_late(world: World) -> None:
    txn = minted(world)
    told = answered(world, txn)
    world.clock.advance(seconds=49 * 3600)
    assert report(world, told).json["late"] == 1
    assert world.log()[-1]["late"] is True


@pytest.mark.rule("wallet", "§10.5")
def test_what_was_never_let_and_what_was_never_told_is_shown_to_the_body(world: World) -> None:
    strange, silent = uuid.uuid4(), minted(world)
    assert report(world, answered(world, strange), answered(world, minted(world), client_id="other-consumer")).json["unknown"][0] == str(
        strange
    )
    day = world.clock.now().date().isoformat()
    client, headers = world.app.test_client(), world.bearer(PROVIDER, "wallet:log")
    assert str(strange) in client.get(f"/log/v1/reports/{day}", headers=headers).json["unknown"]
    assert client.get(f"/log/v1/reports/{day}", headers=headers).json["missing"] == [], "it still has time"
    world.clock.advance(seconds=49 * 3600)
    headers = world.bearer(PROVIDER, "wallet:log")
    assert str(silent) in client.get(f"/log/v1/reports/{day}", headers=headers).json["missing"]
    assert client.get("/log/v1/reports/yesterday", headers=headers).status_code == 400


@pytest.mark.rule("wallet", "§10.5")
def test_a_report_is_believed_only_from_the_providers_own_key(world: World) -> None:
    one = answered(world, uuid.uuid4())
    assert code(report(world, one, key=signing.new_key("provider-1"))) == "invalid_signature"
    assert code(report(world, one, wallet_url="https://other.example")) == "invalid_signature"
    assert code(report(world, one, client_id=CONSUMER)) == "client_not_registered"
    assert report(world, answered(world, uuid.uuid4(), outcome="attempt")).status_code == 400
    with pytest.raises(ValueError, match="500"):
        signed_report([one] * 501, client_id=PROVIDER, wallet_url=PUBLIC_URL, now=1, key=KEY)
    assert world.log() == []


# --- findUsage ------------------------------------------------------------------------------------------------------------


def usage(world: World, query: str, *, user: str | None = "CL1", client_id: str = "other-consumer") -> Any:
    headers = {**world.bearer(client_id), **({"X-Road-UserId": user} if user else {})}
    return world.app.test_client().get("/v2/findUsage" + query, headers=headers)


@pytest.mark.rule("wallet", "§10.5")
def test_an_auditor_reads_who_used_a_persons_data_newest_first(world: World) -> None:
    world.run_sql("""update clients set roles = '["auditor"]' where client_id = 'other-consumer'""")
    for _ in range(3):
        world.fetch(world.exchange_body(basis=BY_LAW))
        world.clock.advance(seconds=60)
    found = usage(world, f"?userCode={RUN}&offset=1&limit=1").json
    assert found["totalUsages"] == 3
    assert found["usages"][0]["receiverCode"] == SCHOOL
    assert found["usages"][0].keys() == {"logtime", "action", "receiverCode", "receiverName", "receiverSystem"}
    times = [one["logtime"] for one in usage(world, f"?userCode={RUN}").json["usages"]]
    assert times == sorted(times, reverse=True)
    since = rfc3339(world.clock.now() - timedelta(seconds=90))
    assert usage(world, f"?userCode={RUN}&periodStart={since}").json["totalUsages"] == 1
    assert usage(world, "?userCode=22222222-2").json == {"totalUsages": 0, "usages": []}


@pytest.mark.rule("wallet", "§10.5")
def test_nobody_else_reads_it(world: World) -> None:
    assert code(usage(world, f"?userCode={RUN}")) == "not_an_auditor"
    assert world.app.test_client().get(f"/v2/findUsage?userCode={RUN}").status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?userCode=1-1",
        f"?userCode={RUN}&limit=0",
        f"?userCode={RUN}&limit=1001",
        f"?userCode={RUN}&offset=-1",
        f"?userCode={RUN}&periodStart=x",
    ],
)
def test_what_cannot_be_read_is_refused(world: World, query: str) -> None:
    assert usage(world, query).status_code == 400
    assert usage(world, f"?userCode={RUN}", user=None).status_code == 400


@pytest.mark.rule("wallet", "§10.5")
def test_period_and_heartbeat(world: World) -> None:
    world.fetch(world.exchange_body(basis=BY_LAW))
    client = world.app.test_client()
    assert client.get("/v2/usagePeriod", headers=world.bearer()).json == {"periodStart": rfc3339(world.clock.now())}
    assert client.get("/v2/heartbeat").json == {"status": "OK"}


@pytest.mark.rule("wallet", "§10.5")
def test_a_register_that_does_not_answer_is_not_one_without_accesses(world: World) -> None:
    object.__setattr__(
        world.wallet.settings, "usage_registers", ("Salud=https://a.example", "Rentas=https://b.example", "Aguas=https://c.example")
    )

    class Net:
        def request(self, _method: str, url: str, **_: Any) -> Reply:
            if "a.example" in url:
                return Reply(200, {}, b'{"totalUsages": 1, "usages": [{"logtime": "2026-06-01T00:00:00Z", "action": "x"}]}')
            if "b.example" in url:
                raise OutboundFailed("no connection", sent=False)
            return Reply(200, {}, b"[]")

    world.wallet.__dict__["http"] = Net()
    found = {one.name: one.usages for one in usages_elsewhere(world.wallet, RUN)}
    assert found["Rentas"] is found["Aguas"] is None
    assert len(found["Salud"] or ()) == 1


# --- delayed visibility ---------------------------------------------------------------------------------------------------


def hidden_body(world: World, days: int = 30) -> dict[str, Any]:
    wish = {"ground": "Código Procesal Penal, artículo 182", "release_at": rfc3339(world.clock.now() + timedelta(days=days))}
    return world.exchange_body(basis=BY_LAW, visibility=wish)


@pytest.mark.rule("wallet", "§10.4")
def test_a_body_off_the_list_may_not_hide(world: World) -> None:
    answer = world.fetch(hidden_body(world))
    assert (answer.status_code, code(answer)) == (403, "visibility_not_allowed")
    allow_delay(world.wallet, SCHOOL, "Ley 1", actor="test")
    assert world.fetch(hidden_body(world, days=367)).status_code == 400
    assert world.fetch(hidden_body(world, days=0)).status_code == 400


@pytest.mark.rule("wallet", "§10.4")
def test_a_hidden_access_is_in_the_log_and_seen_when_its_time_has_come(world: World) -> None:
    allow_delay(world.wallet, SCHOOL, "Ley 1", actor="test")
    txn = world.fetch(hidden_body(world)).json["txn"]
    assert all(core["visibility"]["ground"] for core in world.log(txn=txn))
    assert read_log(world.wallet, world.presence(), Filters(), lang="es").lines == ()
    month = world.clock.now().strftime("%Y-%m")
    assert hidden_counts(world.wallet) == [(month, "Colegio Las Araucarias", 1)]
    assert prolong(world.wallet, uuid.UUID(txn), world.clock.now() + timedelta(days=400), order_number="RUC-1", actor="test")
    world.clock.advance(seconds=31 * 86_400)
    assert read_log(world.wallet, world.presence(), Filters(), lang="es").lines == ()
    world.clock.advance(seconds=370 * 86_400)
    assert [line.txn for line in read_log(world.wallet, world.presence(), Filters(), lang="es").lines] == [txn]
    assert (release_due(world.wallet), release_due(world.wallet)) == (1, 0)
    assert not prolong(world.wallet, uuid.UUID(txn), world.clock.now() + timedelta(days=1), order_number="RUC-2", actor="test")


@pytest.mark.rule("wallet", "§10.4", "§10.5")
@pytest.mark.parametrize("query", ["", "?outcome=released", "?limit=1", f"?dataset={DATASET}", "?sensitive=1"])
def test_what_a_provider_reports_of_a_hidden_access_is_hidden_with_it(world: World, query: str) -> None:
    allow_delay(world.wallet, SCHOOL, "Ley 1", actor="test")
    txn = world.fetch(hidden_body(world)).json["txn"]
    assert report(world, answered(world, uuid.UUID(txn))).json["written"] == 1
    assert [core["visibility"]["ground"] for core in world.log(txn=txn)] == ["Código Procesal Penal, artículo 182"] * 3
    assert world.browser().get("/me/access-log" + query).json["lines"] == []
    world.clock.advance(seconds=31 * 86_400)
    assert [line["txn"] for line in world.browser().get("/me/access-log" + query).json["lines"]] == [txn]


# --- exports --------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§10.3")
def test_an_export_is_checked_offline_and_a_changed_one_is_found(world: World, tmp_path: Any) -> None:
    world.fetch(world.exchange_body(basis=BY_LAW))
    with world.wallet.db.begin() as connection:
        sequence_pending(connection)
        sign_checkpoint(connection, world.wallet.audit_signer, world.clock)
    document = world.browser().get("/me/access-log/export").json
    path = tmp_path / "export.json"
    path.write_text(json.dumps(document))
    assert check_export(str(path)).ok
    assert check_export(str(path), document["verifier_key"]).proven == 2
    assert not check_export(str(path), "localhost/log+ab06ff1e+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop").ok
    document["lines"][0]["entries"][0]["proof"]["core"]["outcome"] = "denied"
    path.write_text(json.dumps(document))
    assert len(check_export(str(path)).faults) == 1


@pytest.mark.rule("wallet", "§10.3")
@pytest.mark.parametrize("form", ["json", "csv", "pdf"])
def test_every_form_carries_what_is_needed_to_check_it(world: World, tmp_path: Path, form: str) -> None:
    world.fetch(world.exchange_body(basis=BY_LAW))
    with world.wallet.db.begin() as connection:
        sequence_pending(connection)
        sign_checkpoint(connection, world.wallet.audit_signer, world.clock)
    world.fetch(world.exchange_body(basis=BY_LAW))  # not under a checkpoint yet
    answer = world.browser().get(f"/me/access-log/export?format={form}")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="access-log.{form}"'
    path = tmp_path / "log"
    path.write_bytes(answer.data)
    checked = check_export(str(path), world.wallet.audit_signer.verifier_key)
    assert (checked.ok, checked.proven, checked.waiting) == (True, 2, 2)


@pytest.mark.rule("wallet", "§10.3", "U14")
@pytest.mark.parametrize(("language", "words"), [("es", "Quién pidió sus datos"), ("en", "Who asked for your data")])
def test_the_pdf_is_read_by_people_too(world: World, language: str, words: str) -> None:
    world.run_sql("update organisations set name = :name where org_id = :id", name='#set text(red) $x$ "Colegio" <b>', id=SCHOOL)
    world.fetch(world.exchange_body(basis=BY_LAW))
    raw = world.browser().get(f"/me/access-log/export?format=pdf&lang={language}").data
    reader = pypdf.PdfReader(io.BytesIO(raw))
    text = "".join(page.extract_text() for page in reader.pages)
    for shown in (words, LAW, '#set text(red) $x$ "Colegio" <b>'):
        assert shown in text, text
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]  # tagged, for screen readers
    assert reader.trailer["/Root"]["/Lang"] == language


@pytest.mark.rule("wallet", "§10.3")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"%PDF-1.7 and no more",
        b"a,b\n1,2\n",
        b"proofs,verifier_key\n[],one\n[],two\n",
        b"proofs,verifier_key\n{,one\n",
        b'{"verifier_key": "k", "lines": 1}',
        b'{"verifier_key": "k", "lines": [{"entries": [1]}]}',
        b"[" * 100_000,
        b'{"verifier_key": "k", "lines": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_export_is_told_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(CannotStart):
        check_export(str(path))


@pytest.mark.rule("wallet", "§10.3")
@pytest.mark.parametrize("proof", ["x", [], {"core": {}}, {"core": {"a": 1}, "checkpoint": "x"}])
def test_a_proof_of_no_form_is_a_fault(tmp_path: Path, proof: object) -> None:
    path = tmp_path / "file"
    key = "localhost/log+ab06ff1e+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
    path.write_text(json.dumps({"verifier_key": key, "lines": [{"entries": [{"entry_id": "e", "proof": proof}]}]}))
    assert len(check_export(str(path)).faults) == 1


@pytest.mark.rule("wallet", "§10.3")
def test_a_form_that_is_not_given_is_told(world: World) -> None:
    assert world.browser().get("/me/access-log/export?format=xlsx").status_code == 400


@pytest.mark.rule("wallet", "§10.3")
def test_the_table_runs_nothing_in_a_spreadsheet(world: World) -> None:
    world.run_sql("update organisations set name = '=cmd()' where org_id = :id", id=SCHOOL)
    world.fetch(world.exchange_body(basis=BY_LAW))
    answer = world.browser().get("/me/access-log/export?format=csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    head, row = csv.reader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert dict(zip(head, row, strict=True))["body"] == "'=cmd()"
