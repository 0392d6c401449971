"""A small SFTP server over a folder, for one account with one key; it is paramiko's own server part."""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def make_key() -> tuple[str, paramiko.PKey]:
    """Make a key: its PEM, and itself."""
    made = ed25519.Ed25519PrivateKey.generate()
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return pem, paramiko.Ed25519Key.from_private_key(io.StringIO(pem))


@dataclass(frozen=True)
class SftpServer:
    """A running server: its port, its host key as in known_hosts, and the PEM that may sign in."""

    port: int
    host_key: str
    private_key: str
    folder: Path


class _Door(paramiko.ServerInterface):
    def __init__(self, allowed: paramiko.PKey) -> None:
        self.allowed = allowed

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        right = username == "andamio" and key.asbytes() == self.allowed.asbytes()
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"


class _Handle(paramiko.SFTPHandle):
    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(Path(self.readfile.name).stat())


class _Files(paramiko.SFTPServerInterface):
    root: Path

    def _path(self, path: str) -> Path:
        found = (self.root / path.lstrip("/")).resolve()
        assert found.is_relative_to(self.root)
        return found

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        return [paramiko.SFTPAttributes.from_stat(entry.stat(), entry.name) for entry in self._path(path).iterdir()]

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        found = self._path(path)
        return paramiko.SFTPAttributes.from_stat(found.stat()) if found.exists() else paramiko.SFTP_NO_SUCH_FILE

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        found = self._path(path)
        writes = flags & 0x3
        if not writes and not found.exists():
            return paramiko.SFTP_NO_SUCH_FILE
        handle = _Handle(flags)
        file = found.open("wb" if writes else "rb")
        handle.readfile = file
        handle.writefile = file
        return handle

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        self._path(oldpath).replace(self._path(newpath))
        return paramiko.SFTP_OK


@contextmanager
def serving(folder: Path) -> Iterator[SftpServer]:
    """Serve a folder on a free port until the block ends."""
    for name in ("out", "in/done", "in/bad"):
        (folder / name).mkdir(parents=True)
    _, host_key = make_key()
    private_pem, allowed = make_key()
    files = type("Files", (_Files,), {"root": folder.resolve()})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transports: list[paramiko.Transport] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                transport = paramiko.Transport(connection)
                transports.append(transport)
                transport.add_server_key(host_key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files)
                try:
                    transport.start_server(server=_Door(allowed))
                except (paramiko.SSHException, EOFError, OSError):  # a caller that hung up must not end the server
                    transport.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        line = f"{host_key.get_name()} {host_key.get_base64()}"
        yield SftpServer(listener.getsockname()[1], line, private_pem, folder)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for transport in transports:
            transport.close()
