"""`andamio doctor` against an installation that is broken in one way at a time: it names that fault, in a sentence."""

import json
import os
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, KeySerializationEncryption
from cryptography.x509.oid import NameOID

from deploy.backup import client
from deploy.backup.client import Client
from deploy.install import doctor, folder, neighbours
from deploy.install.folder import Installation
from deploy.services import SERVICES
from notify.context import Notify
from notify.operations.receipt_secrets import give_secret, list_tellers
from shared.settings import Secret
from tests.contract.notify.test_clamd import Answer, clamd, honest, too_large
from tests.contract.notify.test_providers import Sink, sink
from tests.factories.buckets import S3Server, s3
from tests.factories.notify import settings as notify_settings
from tests.unit.shared.conftest import make_settings

__all__ = ["s3", "sink"]

DOMAIN = "servicios.example.cl"
Break = Callable[[Installation], object]


def certify(installation: Installation, *names: str, days: int = 90) -> None:
    """Put a certificate where the edge looks for it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names or (f"*.{DOMAIN}",)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    tls = installation.folder / "edge" / "tls"
    tls.mkdir(parents=True, exist_ok=True)
    (tls / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tls / "privkey.pem").write_bytes(private(key))


def private(key: ec.EllipticCurvePrivateKey, encryption: KeySerializationEncryption | None = None) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, encryption or serialization.NoEncryption())


def key_of(content: bytes) -> Break:
    """Another private key for the edge."""
    return lambda installation: (installation.folder / "edge/tls/privkey.pem").write_bytes(content)


def set_to(service: str, name: str, value: str) -> Break:
    """Another value of a setting; empty: the line is taken out."""

    def broken(installation: Installation) -> None:
        path = installation.folder / "env" / f"{service}.env"
        lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{name}=")]
        path.write_text("\n".join([*lines, *([f"{name}={value}"] if value else [])]) + "\n")

    return broken


def secret(service: str, name: str, value: str) -> Break:
    """Another secret."""

    def broken(installation: Installation) -> None:
        path = installation.secret_file(service, name)
        path.chmod(0o600)
        path.write_text(value)
        path.chmod(0o400)

    return broken


def same_seed(installation: Installation) -> None:
    secret("pay", "audit_seed", installation.secret_file("wallet", "audit_seed").read_text())(installation)


def open_to_all(installation: Installation) -> None:
    installation.secret_file("pay", "audit_seed").chmod(0o444)


def no_installation(installation: Installation) -> None:
    (installation.folder / "compose.yaml").unlink()


def not_pem(installation: Installation) -> None:
    (installation.folder / "edge" / "tls" / "fullchain.pem").write_text("not a certificate")


FAULTS: dict[str, tuple[Break, str]] = {
    "is no installation": (no_installation, "andamio init"),
    "Everybody on this host can read": (open_to_all, "chmod 400"),
    "is not a certificate": (not_pem, "PEM"),
    "is not the key of": (key_of(private(ec.generate_private_key(ec.SECP256R1()))), "does not start"),
    "is not a private key": (key_of(private(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"x"))), "passphrase"),
    "does not name": (lambda installation: certify(installation, "other.example"), "identity.servicios.example.cl"),
    "has run out": (lambda installation: certify(installation, days=-1), "renew it"),
    "PAY_PUBLIC_URL is not set": (set_to("pay", "PAY_PUBLIC_URL", ""), "pay:"),
    "PAY_PUBLIC_URL must be an origin": (set_to("pay", "PAY_PUBLIC_URL", "pay.example"), "https://"),
    "PAY_DATABASE_POOL_SIZE must be a whole number": (set_to("pay", "PAY_DATABASE_POOL_SIZE", "many"), "pay:"),
    "NOTIFY_BROKER_URL must begin with": (set_to("notify", "NOTIFY_BROKER_URL", "kafka://x"), "amqp://"),
    "NOTIFY_REDIS_URL must begin with": (secret("notify", "redis_url", "valkey:6379"), "redis://"),
    "the same issuer": (set_to("pay", "PAY_ISSUER", "https://identity.servicios.example.cl/other"), "IDENTITY_ISSUER"),
    "the same audit seed": (same_seed, "each needs its own"),
    "has no https address": (set_to("pay", "PAY_PUBLIC_URL", f"http://pay.{DOMAIN}"), "in the open"),
}
WARNINGS: dict[str, tuple[Break, str]] = {
    "runs out in 10 days": (lambda installation: certify(installation, days=10), "renewal"),
    "does not name mtls.": (lambda installation: certify(installation, *(f"{each}.{DOMAIN}" for each in SERVICES)), "mtls-pay"),
    "stands in": (set_to("notify", "NOTIFY_SMTP_PASSWORD", "x"), "NOTIFY_SMTP_PASSWORD_FILE=/run/andamio/smtp_password"),
    "runs as a sandbox": (set_to("pay", "PAY_ENVIRONMENT", "sandbox"), "loopback"),
    "believes no proxy": (set_to("pay", "PAY_TRUSTED_PROXIES", "0"), "behind the edge"),
}


def blind(connection: socket.socket, _content: bytes) -> None:
    """A scanner without signatures."""
    connection.sendall(b"stream: OK\0")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    made = Installation(tmp_path / "andamio", DOMAIN, "Municipalidad de Quilpalín", "800 000 000")
    folder.write(made)
    certify(made)
    return made


def found(installation: Installation, level: str) -> list[str]:
    return [each.text for each in doctor.examine(installation.folder, os.environ, SERVICES, offline=True) if each.level == level]


def test_nothing_is_wrong_with_what_init_writes(installation: Installation) -> None:
    assert (found(installation, "fault"), found(installation, "warning")) == ([], [])


@pytest.mark.parametrize("sentence", FAULTS)
def test_each_fault_is_named_and_what_to_do(installation: Installation, sentence: str) -> None:
    broken, advice = FAULTS[sentence]
    broken(installation)
    assert any(sentence in text and advice in text for text in found(installation, "fault")), found(installation, "fault")


@pytest.mark.parametrize("sentence", WARNINGS)
def test_each_warning_is_named_and_what_to_do(installation: Installation, sentence: str) -> None:
    broken, advice = WARNINGS[sentence]
    broken(installation)
    assert any(sentence in text and advice in text for text in found(installation, "warning")), found(installation, "warning")


class TestEngines:
    """What an engine says, or does not."""

    def texts(self, database_url: str, redis_url: str, **changes: object) -> list[str]:
        settings = make_settings(database_url, redis_url, **changes)
        return [each.text for each in doctor._engines("pay", settings) if each.level != "ok"]

    def test_all_is_well(self, database: Callable[[str], str], redis_url: str) -> None:
        assert self.texts(database("pay"), redis_url) == []

    def test_neither_answers(self) -> None:
        nowhere = "127.0.0.1:1"
        (database, queue) = self.texts(f"postgresql://pay@{nowhere}/pay", f"redis://{nowhere}/0")
        assert "PostgreSQL does not answer" in database
        assert "Valkey or Redis does not answer" in queue

    def test_the_queues_own_engine_is_away(self, database: Callable[[str], str], redis_url: str) -> None:
        from shared.settings import Secret

        (text,) = self.texts(database("pay"), redis_url, broker_url=Secret("redis://127.0.0.1:1/0"))
        assert "broker" in text

    def test_the_database_is_not_migrated(self, empty_database: Callable[[str], str], redis_url: str) -> None:
        (text,) = self.texts(empty_database("pay"), redis_url)
        assert "andamio migrate pay" in text

    def test_a_replica_that_is_away_or_shuts_us_out_is_told(
        self, database: Callable[[str], str], empty_database: Callable[[str], str], redis_url: str
    ) -> None:
        """Nobody would notice: lists are read from the database itself meanwhile, or not at all."""
        url = database("pay")
        (away,) = self.texts(url, redis_url, read_database_url=Secret("postgresql://pay@127.0.0.1:1/pay"))
        assert "read from the database itself" in away
        of_another = urlsplit(empty_database("notify"))._replace(path=urlsplit(url).path)
        (shut_out,) = self.texts(url, redis_url, read_database_url=Secret(urlunsplit(of_another)))
        assert "pg_read_all_data" in shut_out
        assert self.texts(url, redis_url, read_database_url=Secret(url)) == []

    def test_the_role_may_do_too_much(self, database: Callable[[str], str], redis_url: str, engines: object) -> None:
        name = database("pay").rpartition("/")[2]
        (text,) = self.texts(engines.database(name), redis_url)  # type: ignore[attr-defined]
        assert "andamio databases" in text

    def test_a_job_waits(self, database: Callable[[str], str], redis_url: str) -> None:
        url = database("pay")
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO outbox (job, payload, due_at, created_at) VALUES ('x', '{}', now() - interval '1 hour', now())")
        (text,) = self.texts(url, redis_url)
        assert "due for 60 minutes" in text


def test_whether_a_backup_can_be_made_from_here_is_told(
    database: Callable[[str], str], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = [make_settings(database("pay"), redis_url)]
    assert [each.level for each in doctor._backups(settings)] == ["ok"]
    monkeypatch.setattr(client, "find_clients", lambda: [Client(Path("/pg/9"), 9)])
    (told,) = doctor._backups(settings)
    assert told.level == "warning"
    assert "pg_dump is version 9 here, too old" in told.text
    assert list(doctor._backups([make_settings("postgresql://pay@127.0.0.1:1/pay", redis_url)])) == []  # told beside this


def test_providers_that_share_a_secret_are_named_until_each_has_its_own(
    database: Callable[[str], str], empty_database: Callable[[str], str], redis_url: str
) -> None:
    settings = notify_settings(database("notify"), redis_url)
    told = list(neighbours.shared_secret(settings))
    assert [(each.level, each.text.partition(" proves")[0]) for each in told] == [
        ("warning", "mail-report (email)"),
        ("warning", "gateway (sms)"),
        ("warning", "print (letter)"),
    ]
    assert "give-receipt-secret sms gateway" in told[1].text
    with closing(Notify(settings, "notify")) as notify:
        for teller in list_tellers(notify):
            give_secret(notify, teller.channel, teller.provider, actor="test")
    assert [each.level for each in neighbours.shared_secret(settings)] == ["ok"]
    assert list(neighbours.shared_secret(notify_settings(empty_database("notify"), redis_url))) == []  # told beside this
    assert list(neighbours.shared_secret(replace(settings, receipt_secret=Secret("")))) == []


def test_the_bucket_for_files_is_tried(s3: S3Server) -> None:
    from shared.settings import Secret

    about = {"files_url": s3.make_bucket(), "files_key_id": Secret(s3.key_id), "files_secret": Secret(s3.secret)}
    told = []
    for changes in ({}, {"files_secret": Secret("wrong")}, {"outbound_private_hosts": ()}, {"files_url": f"{s3.endpoint}/none"}):
        settings = notify_settings("postgresql://h/d", "redis://h", **({"outbound_private_hosts": (s3.private_host,)} | about | changes))
        told += list(neighbours.bucket(settings))
    assert [each.level for each in told] == ["ok", "fault", "fault", "fault"]
    assert all("NOTIFY_FILES" in each.text and "wrong" not in each.text for each in told[1:])


def test_each_mail_relay_is_visited_and_gets_no_mail(sink: tuple[Sink, int]) -> None:
    relays = [
        {"name": "uno", "host": "127.0.0.1", "port": sink[1], "starttls": False},
        {"name": "dos", "host": "127.0.0.1", "port": sink[1]},
        {"name": "tres", "host": "127.0.0.1", "port": 1},
    ]
    told = list(neighbours.mail(notify_settings("postgresql://h/d", "redis://h", smtp_relays=Secret(json.dumps(relays)))))
    assert [(each.level, each.text.split()[3]) for each in told] == [("ok", "uno"), ("warning", "dos"), ("warning", "tres")]
    assert "SMTPNotSupportedError" in told[1].text, "it speaks no TLS"
    assert "ConnectionRefusedError" in told[2].text
    assert sink[0].taken == []


@pytest.mark.parametrize("written", ['"mail.example.cl"', "'mail.example.cl'", "mail.example.cl "])
def test_a_setting_is_read_as_compose_reads_it(installation: Installation, written: str) -> None:
    set_to("notify", "NOTIFY_SMTP_HOST", written)(installation)
    assert doctor.environment(installation.folder, "notify")["NOTIFY_SMTP_HOST"] == "mail.example.cl"


@pytest.mark.parametrize(
    ("answer", "level", "said"), [(honest, "ok", "knows"), (too_large, "fault", "does not answer"), (blind, "warning", "signatures")]
)
def test_what_looks_into_files_is_tried_with_the_file_that_every_scanner_knows(answer: Answer, level: str, said: str) -> None:
    with clamd(answer) as address:
        settings = notify_settings("postgresql://h/d", "redis://h", clamd_address=address)
        [told] = neighbours.scanner(settings)
    assert (told.level, said in told.text) == (level, True)
    [told] = neighbours.scanner(replace(settings, clamd_address="nowhere"))
    assert told.level == "fault", "it has no port"


def test_faults_come_first(installation: Installation) -> None:
    certify(installation, days=10)
    open_to_all(replace(installation))
    levels = [each.level for each in doctor.examine(installation.folder, {}, SERVICES, offline=True)]
    assert levels == sorted(levels, key=["fault", "warning", "ok"].index)


def test_commands_find_the_settings_of_all_four_in_the_folder(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the container `tools` does (compose.yaml)."""
    from deploy.commands import terminal
    from deploy.serving import settings_class
    from shared.settings import load

    environ = {"ANDAMIO_INSTALLATION": str(installation.folder)}
    monkeypatch.setattr(os, "environ", environ)
    terminal.enter(["notify", "pay"])
    assert not any(name.startswith(("IDENTITY_", "WALLET_")) for name in environ)
    terminal.enter(SERVICES)
    loaded = {service: load(settings_class(service), service, environ) for service in SERVICES}
    assert len({each.audit_seed for each in loaded.values()}) == 4
    assert len({each.issuer for each in loaded.values()}) == 1
