"""What one sandbox is made of: addresses, secrets, people and the environment of each process.

Everything is derived from one random seed that is kept in secrets.json (mode 600), so that a second start gives the same keys.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from deploy.errors import CannotStart
from deploy.sandbox import people
from deploy.sandbox import settings as sandbox_settings
from deploy.sandbox.people import Citizen, Client, StaffMember
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES

SEED_BYTES = 32
# Letters and digits that are not taken for one another when a person copies them.
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Urls:
    """Addresses of everything in the sandbox, none with a slash at the end."""

    front: str
    identity: str
    notify: str
    pay: str
    wallet: str
    inbox: str
    example: str
    registry: str
    banks: str


@dataclass(frozen=True)
class Engines:
    """Addresses of the engines: a superuser's database URL, a Redis URL without its number, and whether they are the sandbox's own."""

    admin_url: str = ""
    redis_url: str = ""
    own: bool = True


@dataclass(frozen=True)
class Plan:
    """One sandbox in `folder`.  Every secret is a function of its name and of this sandbox's seed."""

    folder: Path
    ports: Ports
    seed: bytes = field(repr=False)
    engines: Engines = field(default=Engines(), repr=False)

    @cached_property
    def urls(self) -> Urls:
        """Addresses on base+0 … base+8."""
        at = self.ports.url
        parts = ("front", "identity", "notify", "pay", "wallet", "inbox", "example", "registry", "banks")
        return Urls(**{name: at(name) for name in parts})

    @property
    def issuer(self) -> str:
        """The OpenID Connect issuer, byte for byte as in tokens."""
        return f"{self.urls.identity}/openid"

    @property
    def smtp(self) -> tuple[str, int]:
        """Host and port of the inbox's mail server."""
        return "127.0.0.1", self.ports.of("smtp")

    def key(self, name: str) -> bytes:
        """32 bytes that only this sandbox has for this name."""
        return hmac.new(self.seed, name.encode(), hashlib.sha256).digest()

    def secret(self, name: str) -> str:
        """43 characters of base64url."""
        return base64.urlsafe_b64encode(self.key(f"secret:{name}")).rstrip(b"=").decode()

    def hex_secret(self, name: str) -> str:
        """32 hexadecimal digits, the form of ClaveÚnica's client secrets."""
        return self.key(f"hex:{name}").hex()[:32]

    def password(self, name: str) -> str:
        """A password that a person can type: three groups of four."""
        letters = "".join(READABLE[byte % len(READABLE)] for byte in self.key(f"password:{name}")[:12])
        return "-".join((letters[:4], letters[4:8], letters[8:]))

    def totp_secret(self, name: str) -> str:
        """A base32 secret of 160 bits for an authenticator app."""
        return base64.b32encode(self.key(f"totp:{name}")[:20]).decode()

    def uuid(self, name: str) -> str:
        """A UUID (version 4 in form)."""
        return str(uuid.UUID(bytes=self.key(f"uuid:{name}")[:16], version=4))

    def jwk(self, name: str) -> dict[str, str]:
        """A private ES256 key with `kid` (its RFC 7638 thumbprint)."""
        from cryptography.hazmat.primitives.asymmetric import ec

        scalar = int.from_bytes(self.key(f"jwk:{name}") + self.key(f"jwk-more:{name}"), "big") % (P256_ORDER - 1) + 1
        point = ec.derive_private_key(scalar, ec.SECP256R1()).public_key().public_numbers()
        public = {"crv": "P-256", "kty": "EC", "x": _number(point.x), "y": _number(point.y)}
        thumbprint = hashlib.sha256(json.dumps(public, separators=(",", ":"), sort_keys=True).encode()).digest()
        return {**public, "d": _number(scalar), "alg": "ES256", "use": "sig", "kid": _base64url(thumbprint)}

    @cached_property
    def citizens(self) -> tuple[Citizen, ...]:
        """The people to sign in as, the one of the tour first."""
        return tuple(
            Citizen(
                run=persona.run,
                given_names=persona.given_names,
                family_names=persona.family_names,
                birth_date=persona.birth_date,
                password=self.password(persona.run),
                totp_secret=self.totp_secret(persona.run) if persona.two_factors else None,
                email=persona.email,
                phone=persona.phone,
                note=persona.note,
            )
            for persona in people.CITIZENS
        )

    @cached_property
    def staff(self) -> tuple[StaffMember, ...]:
        """The people who work on the suite."""
        operator = StaffMember(
            run=people.STAFF_RUN,
            given_names=("Óscar",),
            family_names=("Operador", "Andamio"),
            password=self.password(people.STAFF_RUN),
            totp_secret=self.totp_secret(people.STAFF_RUN),
            email="operator@example.com",
            roles=people.STAFF_ROLES,
        )
        return (operator,)

    @cached_property
    def clients(self) -> tuple[Client, ...]:
        """All clients that identity knows."""
        urls = self.urls
        # Nobody listens at the sandbox clients' own callback: a test reads the address its browser was sent to.
        callbacks = ("http://127.0.0.1:9/callback", "http://localhost:9/callback")
        web = [
            Client(
                client_id="sandbox-web", name="Sandbox web", policy="web", secret=self.secret("client:sandbox-web"), redirect_uris=callbacks
            ),
            Client(
                client_id="sandbox-fapi2",
                name="Sandbox FAPI 2",
                policy="fapi2",
                private_jwk=self.jwk("client:sandbox-fapi2"),
                redirect_uris=("https://localhost:9/callback",),
            ),
            Client(client_id="sandbox-public", name="Sandbox app", policy="public", redirect_uris=callbacks),
            Client(
                client_id="sandbox-clave-unica",
                name="Sandbox ClaveÚnica",
                policy="clave_unica",
                secret=self.hex_secret("client:sandbox-clave-unica"),
                redirect_uris=callbacks,
            ),
            self._own_site("example", "Postula: Colegio Las Araucarias", f"{urls.example}/callback", f"{urls.example}/"),
            self._own_site("wallet-portal", "Andamio", f"{urls.wallet}/login/callback", f"{urls.wallet}/"),
            self._own_site("notify-console", "Andamio", f"{urls.notify}/login/callback", f"{urls.notify}/"),
            self._own_site("pay-console", "Andamio", f"{urls.pay}/login/callback", f"{urls.pay}/"),
        ]
        return (*web, *(self._machine(client_id, scopes) for client_id, scopes in people.SCOPES.items()))

    def client(self, client_id: str) -> Client:
        """One client by its id.  Raises: KeyError."""
        return {client.client_id: client for client in self.clients}[client_id]

    def database_password(self, service: str) -> str:
        """The password of a service's database role."""
        return self.secret(f"database:{service}")

    def database_name(self, service: str) -> str:
        """The name of a service's database and role; on a server that others use too it names this sandbox."""
        return service if self.engines.own else f"sandbox_{self.key('database').hex()[:6]}_{service}"

    def database_url(self, service: str) -> str:
        """Address of a service's own database as its own role."""
        parts = urlsplit(self.engines.admin_url)
        name = self.database_name(service)
        place = f"{name}:{self.database_password(service)}@{parts.netloc.rpartition('@')[2]}"
        return urlunsplit(parts._replace(netloc=place, path=f"/{name}"))

    def redis_url(self, service: str) -> str:
        """Address of a service's own numbered Redis database."""
        return f"{self.engines.redis_url}/{1 + SERVICES.index(service)}"

    def environment(self, service: str) -> dict[str, str]:
        """The variables of a service's processes (see docs/settings.md)."""
        from deploy.sandbox.environment import environment

        return environment(self, service)

    def _own_site(self, client_id: str, name: str, redirect_uri: str, after_logout: str) -> Client:
        return Client(
            client_id=client_id,
            name=name,
            policy="web",
            secret=self.secret(f"client:{client_id}"),
            redirect_uris=(redirect_uri,),
            post_logout_redirect_uris=(after_logout,),
        )

    def _machine(self, client_id: str, scopes: tuple[str, ...]) -> Client:
        return Client(client_id=client_id, name=client_id, policy="machine", private_jwk=self.jwk(f"client:{client_id}"), scopes=scopes)


def load_or_make(folder: Path, ports: Ports) -> Plan:
    """The plan of the sandbox in folder; its seed is made the first time.

    Raises: CannotStart when the folder cannot be written to or its secrets cannot be read.
    """
    return Plan(folder, ports, bytes.fromhex(str(read_secrets(folder)["seed"])), read_engines(folder))


def from_environment() -> Plan:
    """The plan of the sandbox that this process belongs to.  Raises: CannotStart."""
    settings = sandbox_settings.from_environment()
    return load_or_make(settings.folder, settings.ports)


def read_engines(folder: Path) -> Engines:
    """Where the engines of the last start were; empty addresses when there was none."""
    try:
        return Engines(**json.loads((folder / "engines.json").read_text()))
    except (OSError, ValueError, TypeError):
        return Engines()


def keep_engines(folder: Path, engines: Engines) -> None:
    """Remember where the engines are, for the other processes and the next start."""
    if engines != read_engines(folder):
        write_private(folder / "engines.json", json.dumps(asdict(engines)))


def read_secrets(folder: Path) -> Mapping[str, object]:
    """The kept secrets, made when there are none."""
    kept = folder / "secrets.json"
    try:
        if not kept.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_private(kept, json.dumps({"seed": secrets.token_hex(SEED_BYTES)}))
        found = json.loads(kept.read_text())
        bytes.fromhex(found["seed"])
    except OSError as fault:
        raise CannotStart(
            f"{fault.filename or kept} cannot be used ({fault.strerror}): set SANDBOX_DIR to a folder that can be written to."
        ) from fault
    except (ValueError, KeyError, TypeError) as fault:
        raise CannotStart(f"{kept} is damaged: restore it, or begin anew with `andamio sandbox --fresh`.") from fault
    return dict(found)


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, all of it or nothing."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _number(value: int) -> str:
    return _base64url(value.to_bytes(32, "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
