"""Keys are listed and changed by command."""

import json

import pytest
from joserfc.jwk import ECKey

from deploy import cli
from deploy.serving import create_context
from tests.unit.deploy.test_operations import addresses, run, suite

__all__ = ["addresses", "suite"]


@pytest.fixture
def identity(suite):
    from identity.operations.keys import ensure_keys

    context = create_context("identity")
    ensure_keys(context)
    yield context
    context.close()


def signing(identity):
    identity.keys.forget()
    return {stored.alg: stored.kid for stored in identity.keys.published() if stored.state == "active"}


def test_data_keys_are_wrapped_anew_by_command_and_the_list_says_under_which_key(suite, capsys, monkeypatch):
    pay = create_context("pay")
    sealed = pay.cipher.encrypt("x", scope="pay:1")
    ring = pay.settings.encryption_keys.reveal()
    pay.close()
    monkeypatch.setenv("PAY_ENCRYPTION_KEYS", "k2:" + "A" * 43 + "=," + ring)
    assert json.loads(run(capsys, "keys", "pay", "--json")[1])["encryption"] == {"newest": "k2", "data_keys": {"sandbox-1": 2}}
    assert "2 data keys" in run(capsys, "rotate", "encryption", "pay")[1], "that of a scope, and the root"
    status, out = run(capsys, "keys", "pay", "--json")
    assert (status, json.loads(out)["encryption"]["data_keys"]) == (0, {"k2": 2})
    assert "AAAA" not in out
    monkeypatch.setenv("PAY_ENCRYPTION_KEYS", "k2:" + "A" * 43 + "=")
    left = create_context("pay")
    assert left.cipher.decrypt(sealed, scope="pay:1") == "x", "no process needs the first key any more"
    left.close()


def test_tokens_are_signed_by_a_new_key_after_the_emergency(identity, capsys):
    before = signing(identity)
    assert "is published and waits" in run(capsys, "rotate", "signing", "identity")[1]
    assert signing(identity) == before
    run(capsys, "rotate", "signing", "identity", "--emergency")
    after = signing(identity)
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())


def test_receipts_and_the_wallets_tokens_get_new_keys(suite, capsys):
    first = json.loads(run(capsys, "rotate", "signing", "pay", "--json")[1])
    assert json.loads(run(capsys, "rotate", "signing", "pay", "--json")[1]) != first
    assert len(json.loads(run(capsys, "keys", "pay", "--json")[1])["signing"]) == 2
    assert run(capsys, "rotate", "signing", "wallet")[0] == 0
    assert len(json.loads(run(capsys, "keys", "wallet", "--json")[1])["signing"]) == 5
    assert "nothing but its audit log" in run(capsys, "rotate", "signing", "notify")[1]


def test_the_key_of_a_client_is_changed_with_both_honoured_in_between(identity, capsys, tmp_path):
    from identity.operations import client_rules, register

    old = ECKey.generate_key("P-256", {"kid": "old", "alg": "ES256", "use": "sig"}, private=True)
    register.create_organisation(identity, org_id="andamio", name="Andamio", kind="public", contact_email="a@example.cl", actor="test")
    register.create_service(
        identity,
        service_id="andamio-pay",
        org_id="andamio",
        name="Pay",
        purpose="Pagos",
        stage="live",
        release_basis="law",
        start_url="http://localhost:9003/",
        contact_email="a@example.cl",
        actor="test",
    )
    public = {"keys": [dict(old.as_dict(private=False))]}
    client = client_rules.NewClient(
        client_id="pay", service_id="andamio-pay", name="pay", policy="machine", jwks=public, scopes=("audit:witness",)
    )
    register.create_client(identity, client, actor="test")
    file = tmp_path / "client_key"
    file.write_text(json.dumps(old.as_dict(private=True)))
    change = ["rotate", "client", "pay", "--key-file", str(file)]
    assert run(capsys, *change)[0] == 0
    new = json.loads(file.read_text())["kid"]
    assert file.stat().st_mode & 0o777 == 0o600

    def honoured():
        with identity.reading() as tx:
            return [
                key["kid"] for key in tx.connection.exec_driver_sql("SELECT jwks FROM clients WHERE client_id = 'pay'").scalar_one()["keys"]
            ]

    assert honoured() == [new, "old"]
    run(capsys, *change, "--finish")
    assert honoured() == [new]
    assert cli.main([*change[:-1], str(tmp_path / "none")]) == 1
    assert "holds no private key" in capsys.readouterr().err
    assert cli.main(["rotate", "client", "pay"]) == 1
