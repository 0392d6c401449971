"""The sandbox's certificate authority: made once, good for few names, and what it signs is accepted."""

import asyncio
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from deploy.sandbox import alias, authority

NOW = datetime(2026, 6, 8, tzinfo=UTC)


def verify(files: authority.Files, name: str, at: datetime = NOW) -> None:
    ours = x509.load_pem_x509_certificate(files.authority.read_bytes())
    leaf = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    PolicyBuilder().store(Store([ours])).time(at).build_server_verifier(x509.DNSName(name)).verify(leaf, [])


def test_the_certificate_is_good_for_localhost_and_the_aliased_names(tmp_path: Path) -> None:
    files = authority.ensure(tmp_path, now=NOW)
    for name in authority.NAMES:
        verify(files, name)
    with pytest.raises(VerificationError):
        verify(files, "bank.example")


def test_the_authority_can_sign_for_nothing_else(tmp_path: Path) -> None:
    files = authority.ensure(tmp_path, now=NOW)
    ours = x509.load_pem_x509_certificate(files.authority.read_bytes())
    constraints = ours.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    named = {name.value for name in constraints.value.permitted_subtrees or [] if isinstance(name, x509.DNSName)}
    assert named == set(authority.NAMES)


def test_what_is_good_stays_and_what_is_nearly_over_is_renewed(tmp_path: Path) -> None:
    files = authority.ensure(tmp_path, now=NOW)
    first, certificate = files.authority.read_bytes(), files.certificate.read_bytes()
    authority.ensure(tmp_path, now=NOW + timedelta(days=300))
    assert files.certificate.read_bytes() == certificate
    later = NOW + timedelta(days=390)
    authority.ensure(tmp_path, now=later)
    assert files.authority.read_bytes() == first, "trusted once is trusted for good"
    assert files.certificate.read_bytes() != certificate
    verify(files, "localhost", later)


def test_keys_are_ours_alone(tmp_path: Path) -> None:
    files = authority.ensure(tmp_path, now=NOW)
    for key in (files.key, files.folder / "ca-key.pem"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_alias_passes_bytes_on_as_they_come(tmp_path: Path) -> None:
    files = authority.ensure(tmp_path)
    listener = socket.create_server((alias.HOST, 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)

    def answer() -> None:
        with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            connection.sendall(connection.recv(100).upper())

    thread = threading.Thread(target=answer)
    thread.start()
    with socket.create_server((alias.HOST, 0)) as free:
        port = free.getsockname()[1]

    async def call() -> bytes:
        started = asyncio.Event()
        passing = asyncio.create_task(alias.serve(port, listener.getsockname()[1], started=started))
        await started.wait()
        trusting = ssl.create_default_context(cafile=str(files.bundle))
        reader, writer = await asyncio.open_connection(alias.HOST, port, ssl=trusting, server_hostname=authority.ALIASES[0])
        writer.write(b"hello")
        said = await reader.read(100)
        writer.close()
        passing.cancel()
        return said

    assert asyncio.run(call()) == b"HELLO"
    thread.join()
    listener.close()
