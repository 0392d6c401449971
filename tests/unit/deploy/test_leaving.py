"""Everything a service keeps can be taken elsewhere, and read there with nothing of ours."""

import base64
import csv
import json

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deploy import cli
from deploy.serving import create_context
from pay.events import PaymentEvent
from tests.unit.deploy.test_operations import addresses, run, suite

__all__ = ["addresses", "suite"]


def rows(file):
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_an_export_is_read_without_us(suite, capsys, tmp_path):
    pay = create_context("pay")
    with pay.transaction() as tx:
        tx.record(PaymentEvent.CREATED, actor="test", object_id="1", subject="cl-run:11111111-1")
    pay.close()
    folder = tmp_path / "out"
    counts = json.loads(run(capsys, "export", "pay", str(folder), "--with-keys", "--json")[1])["tables"]
    assert counts["audit_entries"] == len(rows(folder / "audit_entries.csv")) == 1
    about = json.loads((folder / "export.json").read_text())
    assert about["tables"].keys() == {file.stem for file in folder.glob("*.csv")}
    assert [column["name"] for column in about["tables"]["audit_sides"]] == list(rows(folder / "audit_sides.csv")[0])
    keys = json.loads((folder / "keys.json").read_text())
    assert (folder / "keys.json").stat().st_mode & 0o777 == 0o600
    sealed = bytes.fromhex(rows(folder / "audit_sides.csv")[0]["subject"].removeprefix("\\x"))
    plain = AESGCM(base64.b64decode(keys["audit"])).decrypt(sealed[1:13], sealed[13:], b"audit")
    assert plain == b"cl-run:11111111-1"


def test_without_being_asked_no_key_leaves_and_nothing_is_written_over(suite, capsys, tmp_path):
    assert cli.main(["export", "wallet", str(tmp_path / "out")]) == 0
    assert not (tmp_path / "out" / "keys.json").exists()
    assert cli.main(["export", "wallet", str(tmp_path / "out")]) == 1
    assert "is not empty" in capsys.readouterr().err
