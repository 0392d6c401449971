"""The folder of an installation: `andamio init` writes settings, secrets and the files that Compose and the edge read.

```
compose.yaml            the processes (docs/operations/quick-start.md)
.env                    what Compose itself asks for: image, user
env/SERVICE.env         settings that are no secrets
secrets/SERVICE/NAME    one secret a file, given to that service (or engine) alone
edge/, watch/           configuration of the TLS edge, and of what watches
backups/                where the container `tools` may write backups
```

What is there is kept: running it again adds what a newer release needs and changes no secret.
"""

import base64
import fcntl
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import quote

from deploy.errors import CannotStart
from deploy.install.writers import KEY_SECRET, WRITERS, new_key, template_id
from deploy.services import SERVICES

FILES = Path(__file__).parent / "files"
BACKUPS = "backups"
CONTAINER_USER: Final = 10001
ENGINES: Final = ("postgres", "valkey", "grafana", "alertmanager")
"""What beside the services has a folder of secrets."""
USERS: Final = {"grafana": 472, "alertmanager": 65534}
"""Whose image runs as another user than ours: by the name of its folder of secrets."""
SECRETS_IN_CONTAINER = "/run/andamio"
EDGE_ADDRESS = "172.30.7.2"
"""The edge's own address inside, as the compose file gives it: only from there a client certificate is believed."""
_HOST = re.compile(r"(?=.{4,200}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


@dataclass(frozen=True)
class Installation:
    """What an operator decides: the folder, the domain under which the four services live, and whose they are."""

    folder: Path
    domain: str
    operator_name: str
    help_phone: str
    image: str = "andamio"

    def __post_init__(self) -> None:
        """Raises: CannotStart for what cannot be a domain."""
        if not _HOST.fullmatch(self.domain):
            raise CannotStart(f"{self.domain!r} is not a domain: give one such as servicios.example.cl, in small letters.")

    def origin(self, service: str) -> str:
        """Where people and machines reach a service."""
        return f"https://{service}.{self.domain}"

    @property
    def issuer(self) -> str:
        """The OpenID Connect issuer, byte for byte as in tokens."""
        return f"{self.origin('identity')}/openid"

    def secret_file(self, service: str, name: str) -> Path:
        """Where one secret of a service is kept."""
        return self.folder / "secrets" / service / name


def write(installation: Installation) -> list[Path]:
    """Write what is missing and return it.  Raises: CannotStart where the folder cannot be written to, or another writes there."""
    try:
        with _alone_in(installation.folder):
            for name in (*ENGINES, *SERVICES, *(f"{each}-migrate" for each in SERVICES)):
                _make_for_containers(installation.folder / "secrets" / name)
            _make_for_containers(installation.folder / BACKUPS)
            (installation.folder / "edge/tls").mkdir(parents=True, exist_ok=True)
            return [path for path, text in _files(installation) if _keep(path, text, is_secret="secrets" in path.parts)]
    except OSError as fault:
        raise CannotStart(f"{fault.filename or installation.folder} cannot be written ({fault.strerror}).") from fault


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder: secrets that two had made would not fit together.  The system lets go of it when we die."""
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"Another `andamio init` is writing to {folder} just now: run this again when it has ended.") from None
        yield
    finally:
        os.close(held)


def administrator(folder: Path) -> str:
    """Return the address of an installation's own PostgreSQL, as its administrator.  Raises: CannotStart."""
    path = folder / "secrets" / "postgres" / "superuser"
    try:
        return f"postgresql://postgres:{quote(path.read_text(encoding='utf-8').strip(), safe='')}@postgres/postgres"
    except OSError as fault:
        raise CannotStart(f"{path} cannot be read ({fault.strerror}): name the server with --into.") from fault


def _files(installation: Installation) -> Iterator[tuple[Path, str]]:
    folder = installation.folder
    made = dict(_secrets(installation))
    yield from made.items()
    seeds = {service: installation.secret_file(service, "audit_seed") for service in SERVICES}
    logs = {service: _log(installation, service, _kept(path, partial(made.__getitem__, path))) for service, path in seeds.items()}
    for service in SERVICES:
        witnessed = ",".join(log for other, log in logs.items() if other != service)
        settings = {**_settings(installation, service), f"{service}_WITNESSED_LOGS".upper(): witnessed}
        yield folder / "env" / f"{service}.env", _lines(settings)
    yield folder / ".env", _lines({"ANDAMIO_IMAGE": installation.image, "ANDAMIO_DOMAIN": installation.domain})
    names = {"domain": installation.domain}
    for source in sorted(path for path in FILES.rglob("*") if path.is_file()):
        text = source.read_text(encoding="utf-8")
        target = folder / source.relative_to(FILES)
        if target.suffix == ".template":
            yield target.with_suffix(""), Template(text.replace("$", "$$").replace("$$ANDAMIO_DOMAIN", "$domain")).substitute(names)
        else:
            yield target, text


CALLED = {"identity": ("notify", "pay", "wallet"), "pay": ("notify",), "wallet": ("notify", "pay")}
"""Whom each service calls by an address of its settings."""


def _log(installation: Installation, service: str, seed: str) -> str:
    """An audit log as the others witness it: `base URL=verifier key`."""
    from shared.audit.checkpoint import Signer

    origin = installation.origin(service)
    return f"{origin}={Signer(base64.b64decode(seed.split(',', maxsplit=1)[0]), origin.removeprefix('https://') + '/log').verifier_key}"


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _settings(installation: Installation, service: str) -> dict[str, str]:
    prefix = f"{service}_".upper()
    values = {
        "PUBLIC_URL": installation.origin(service),
        "ISSUER": installation.issuer,
        "CLIENT_ID": service,
        "TRUSTED_PROXIES": "1",
        # They call one another by their public names, which lead to a private address where the host stands behind another's.
        "OUTBOUND_PRIVATE_HOSTS": ",".join(f"{each}.{installation.domain}:443" for each in SERVICES),
        "OPERATOR_NAME": installation.operator_name,
        "HELP_PHONE": installation.help_phone,
        "OTLP_ENDPOINT": "http://collector:4318",
        **({} if service == "identity" else {"LOGIN_CLIENT_ID": f"{service}-portal"}),
        **{f"{other}_URL".upper(): installation.origin(other) for other in CALLED.get(service, ())},
        **_own_settings(installation, service),
    }
    if service in WRITERS:
        values |= {setting.upper(): str(template_id(installation.domain, service, setting)) for setting in WRITERS[service][1]}
    settings = {prefix + name: value for name, value in values.items()}
    for name in (*_common_secrets(service), *_own_secrets(service, installation.domain)):
        settings[f"{prefix}{name.upper()}_FILE"] = f"{SECRETS_IN_CONTAINER}/{name}"
    return settings


def _own_settings(installation: Installation, service: str) -> dict[str, str]:
    edge = {"CLIENT_CERTIFICATE_HEADER": "X-SSL-Client-Cert", "EDGE_ADDRESSES": EDGE_ADDRESS}
    if service == "identity":
        told = f"wallet-portal={installation.origin('wallet')}/events"  # of accounts that are stolen or closed: consents rest by it
        return {"MTLS_URL": f"https://mtls.{installation.domain}", "EVENT_RECEIVERS": told, **edge}
    if service == "notify":
        return {"EMAIL_DOMAIN": f"notify.{installation.domain}", "SMTP_HOST": f"mail.{installation.domain}", **edge}
    return edge


def _secrets(installation: Installation) -> Iterator[tuple[Path, str]]:
    """Every secret of every service; those that two parties share are made once."""
    yield installation.secret_file("grafana", "admin_password"), _token()
    superuser = _kept(installation.secret_file("postgres", "superuser"), _token)
    yield installation.secret_file("postgres", "superuser"), superuser
    queue = _kept(installation.secret_file("valkey", "password"), _token)
    yield installation.secret_file("valkey", "password"), queue
    yield (
        installation.secret_file("valkey", "valkey.conf"),
        f'requirepass {queue}\nsave ""\nappendonly no\ndir /data\nmaxmemory-policy noeviction\n',
    )
    for number, service in enumerate(SERVICES):
        made = {**_common_secrets(service), **_own_secrets(service, installation.domain)}
        owner = _kept(installation.secret_file("postgres", f"{service}_owner"), _token)
        app = _kept(installation.secret_file("postgres", f"{service}_app"), _token)
        yield installation.secret_file("postgres", f"{service}_owner"), owner
        yield installation.secret_file("postgres", f"{service}_app"), app
        made["database_url"] = f"postgresql://{service}_app:{quote(app)}@postgres/{service}"
        made["redis_url"] = f"redis://:{quote(queue)}@valkey/{number}"
        for name, value in made.items():
            yield installation.secret_file(service, name), value
        # Only the migration has the owner's address.
        yield (
            installation.secret_file(f"{service}-migrate", "database_url"),
            f"postgresql://{service}_owner:{quote(owner)}@postgres/{service}",
        )


def _common_secrets(service: str) -> dict[str, str]:
    made = {
        "database_url": "",
        "redis_url": "",
        "encryption_keys": f"1:{_key()}",
        "audit_seed": _key(),
        "client_key": _jwk(),
    }
    return made if service == "identity" else {**made, "login_client_secret": _token()}


def _own_secrets(service: str, domain: str) -> dict[str, str]:
    key = {KEY_SECRET: new_key(domain, service)} if service in WRITERS else {}
    if service == "identity":
        return {"pairwise_key": f"1:{_key()}", "peppers": f"1:{_key()}", **key}
    if service == "notify":
        return {"receipt_secret": _token()}
    return {"api_key_secret": _token(), **key} if service == "pay" else key


def _kept(path: Path, make: Callable[[], str]) -> str:
    return path.read_text(encoding="utf-8").strip() if path.exists() else make()


def _token() -> str:
    return secrets.token_urlsafe(32)


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _jwk() -> str:
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig"}, auto_kid=True)
    return json.dumps(key.as_dict(private=True))


def _make_for_containers(folder: Path) -> None:
    """Make a folder that the containers' user alone may enter."""
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)
        _give(folder, folder.name)


def _give(path: Path, name: str) -> None:
    """Let a container's user have it, where we may: as root."""
    if os.geteuid() == 0:
        user = USERS.get(name, CONTAINER_USER)
        os.chown(path, user, user)


def _keep(path: Path, text: str, *, is_secret: bool) -> bool:
    """Write a file unless it is there; a secret can be read by its owner alone.  Return whether it was written."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400 if is_secret else 0o644), "w", encoding="utf-8") as file:
        file.write(text)
    if is_secret:
        _give(path, path.parent.name)
    return True
