"""The print supplier over SFTP: files are written under another name and renamed when whole; the host is known by its key."""

import base64
import binascii
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import paramiko

from notify.providers.base import HandOver, Letter, ProviderRefused, ProviderUnavailable
from notify.standards.print_manifest import RECEIPT_BYTES_MAX

RECEIPTS_MAX = 200
_RECEIPT_NAME = re.compile(r"[A-Za-z0-9._-]{1,120}\.receipt\.json")


@dataclass(frozen=True)
class PrintAccount:
    """Where and as whom; `host_key` is `type base64` as in known_hosts; `private_key` is PEM."""

    host: str
    port: int
    username: str
    private_key: str
    host_key: str
    folder: str = "."


class SftpPrint:
    """A letter handed over waits for the next batch (`queue` keeps it); batches and receipts take one connection a use.

    Raises: ProviderUnavailable when it is not there now, ProviderRefused when it is not who it should be.
    """

    def __init__(self, account: PrintAccount, queue: Callable[[str, Letter], None], *, name: str, timeout_seconds: float = 15) -> None:
        self.name = name
        self._account = account
        self._queue = queue
        self._timeout_seconds = timeout_seconds

    def send(self, letter: Letter) -> HandOver:
        """Keep a letter for the next batch; again is harmless."""
        self._queue(self.name, letter)
        return HandOver(self.name, letter.reference)

    def upload(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all; again is harmless."""
        with self._session() as sftp:
            self._write(sftp, f"out/{name}", content)

    def list_receipts(self) -> list[str]:
        """Give the names of receipts that wait, some at a time."""
        with self._session() as sftp:
            return sorted(name for name in sftp.listdir(self._path("in")) if _RECEIPT_NAME.fullmatch(name))[:RECEIPTS_MAX]

    def read_receipt(self, name: str) -> bytes:
        """Give a receipt's content, at most one byte over what is read at all."""
        with self._session() as sftp, sftp.open(self._path(f"in/{name}")) as file:
            return bytes(file.read(RECEIPT_BYTES_MAX + 1))

    def put_away(self, name: str, *, readable: bool) -> None:
        """Move a receipt to `in/done`, or to `in/bad` for a person to look at."""
        with self._session() as sftp:
            target = self._path(f"in/{'done' if readable else 'bad'}/{name}")
            sftp.posix_rename(self._path(f"in/{name}"), target)

    def _write(self, sftp: paramiko.SFTPClient, path: str, content: bytes) -> None:
        unfinished = self._path(path + ".part")
        sftp.putfo(io.BytesIO(content), unfinished, confirm=True)
        sftp.posix_rename(unfinished, self._path(path))

    def _path(self, path: str) -> str:
        return f"{self._account.folder.rstrip('/')}/{path}"

    @contextmanager
    def _session(self) -> Iterator[paramiko.SFTPClient]:
        account = self._account
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            kind, key = _host_key(account.host_key)
            name = account.host if account.port == paramiko.config.SSH_PORT else f"[{account.host}]:{account.port}"
            client.get_host_keys().add(name, kind, key)
            client.connect(
                account.host,
                port=account.port,
                username=account.username,
                pkey=_private_key(account.private_key),
                timeout=self._timeout_seconds,
                banner_timeout=self._timeout_seconds,
                auth_timeout=self._timeout_seconds,
                channel_timeout=self._timeout_seconds,
                allow_agent=False,
                look_for_keys=False,
            )
            with client.open_sftp() as sftp:
                sftp.get_channel().settimeout(self._timeout_seconds)
                yield sftp
        except (paramiko.BadHostKeyException, paramiko.AuthenticationException) as refused:
            raise ProviderRefused(type(refused).__name__) from None
        except (paramiko.SSHException, OSError, EOFError) as away:
            raise ProviderUnavailable(type(away).__name__) from None
        finally:
            client.close()


def _private_key(pem: str) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(pem))
        except (paramiko.SSHException, ValueError):
            continue
    raise ValueError("not a private key")


def _host_key(line: str) -> tuple[str, paramiko.PKey]:
    kind, _, text = line.strip().partition(" ")
    try:
        return kind, paramiko.PKey.from_type_string(kind, base64.b64decode(text.split()[0], validate=True))
    except (binascii.Error, IndexError, paramiko.SSHException, ValueError):
        raise ValueError("not a host key") from None
