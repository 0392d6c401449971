"""Settings: the environment read once, into a frozen typed object.

Each field is `name: type = setting("what it is", default=…)`; its variable is `<SERVICE>_<FIELD>`.
A secret may also be given as a file: `<SERVICE>_<FIELD>_FILE`.  All faults are told together.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar, cast, get_type_hints
from urllib.parse import urlsplit

REQUIRED = dataclasses.MISSING
T = TypeVar("T")


class Secret:
    """A value that does not print."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return "…"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)


class SettingsError(Exception):
    """The environment does not make valid settings; `faults` has a sentence for each fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("Settings: " + "; ".join(faults))
        self.faults = faults


def setting(
    help_text: str, *, default: T | object = REQUIRED, check: Callable[[T], str | None] | None = None, required_in_production: bool = False
) -> T:
    """Declare one setting.

    `check` returns a sentence about what is wrong with a value, or None.
    `required_in_production` refuses the default outside the sandbox.
    """
    metadata = {"help": help_text, "check": check, "required_in_production": required_in_production}
    if default is REQUIRED:
        return cast(T, dataclasses.field(metadata=metadata))  # a field stands for its value, as in the standard library
    return cast(T, dataclasses.field(default=default, metadata=metadata))


def _is_origin(value: str) -> str | None:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path not in {"", "/"} or parts.query or parts.fragment:
        return "must be an origin such as https://pay.example.gob, with no path"
    if value.endswith("/"):
        return "must not end with a slash"
    return None


def _is_environment(value: str) -> str | None:
    return None if value in {"production", "sandbox"} else "must be production or sandbox"


def _is_redis(value: Secret) -> str | None:
    parts = urlsplit(value.reveal())
    if parts.scheme == "sentinel" and not parts.path.strip("/"):
        return "must name the server that the Sentinels watch: sentinel://:PASSWORD@HOST:26379,HOST:26379/NAME/0"
    return None if parts.scheme in {"redis", "rediss", "sentinel"} else "must begin with redis://, rediss:// or sentinel://"


def _is_broker(value: Secret) -> str | None:
    if urlsplit(value.reveal()).scheme in {"amqp", "amqps"}:
        return None
    return f"{fault}, amqp:// or amqps://" if (fault := _is_redis(value)) else None


def _are_networks(value: tuple[str, ...]) -> str | None:
    try:
        for each in value:
            ip_network(each)
    except ValueError:
        return "must be addresses or networks, such as `10.1.2.3` or `10.1.0.0/16`"
    return None


def is_positive(value: int) -> str | None:
    """Check a whole number above zero."""
    return None if value > 0 else "must be 1 or more"


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """What each service needs to know; a service adds its own fields."""

    database_url: Secret = setting("PostgreSQL URL of this service's own database")
    read_database_url: Secret = setting("a streaming replica for lists and reports; empty: the database itself", default=Secret(""))
    redis_url: Secret = setting(
        "Redis or Valkey URL (rate limits, cache, queue); behind Sentinels `sentinel://:password@host,host/name/0`", check=_is_redis
    )
    broker_url: Secret = setting(
        "another engine for the queue: RabbitMQ (`amqp://…`) or another Redis; empty: the one of the Redis URL",
        default=Secret(""),
        check=_is_broker,
    )
    public_url: str = setting("origin at which people and machines reach this service", check=_is_origin)
    environment: str = setting(
        "`production`, or `sandbox` to allow loopback addresses, plain http and test providers", default="production", check=_is_environment
    )
    issuer: str = setting("issuer URL of the OpenID Connect provider, byte for byte as in its tokens")
    encryption_keys: Secret = setting("key-encryption keys, newest first: `id:base64 of 32 bytes`; `+id:…` is only announced")
    audit_seed: Secret = setting("Ed25519 seeds of the audit checkpoints, base64: the first is published, others sign beside it")
    audit_retired_keys: tuple[str, ...] = setting("verifier keys with which earlier audit checkpoints were signed", default=())
    security_url: str = setting("where `/.well-known/security.txt` leads", default="/about/security.txt")
    security_contact: str = setting("where weaknesses are told, `mailto:…` or `https://…`; empty: the telephone for help", default="")
    client_id: str = setting("this service's own client at the issuer")
    client_key: Secret = setting("private JWK (JSON) of that client")
    login_client_id: str = setting("client with which people sign in to this service's pages; empty: no such pages", default="")
    login_client_secret: Secret = setting("secret of that client", default=Secret(""))
    outbound_private_hosts: tuple[str, ...] = setting("`host:port` that may be called although the address is private", default=())
    outbound_authorities: str = setting(
        "file of the certificate authorities (PEM) that calls to others trust; empty: the usual ones", default=""
    )
    witnessed_logs: tuple[str, ...] = setting("audit logs of others that this service witnesses: `base URL=verifier key`", default=())
    client_certificate_header: str = setting(
        "header in which the edge sends the client certificate (RFC 9440 form or URL-encoded PEM); empty: no mTLS", default=""
    )
    edge_addresses: tuple[str, ...] = setting(
        "addresses or networks of the edge, the only ones whose client certificate header counts", default=(), check=_are_networks
    )
    time_server: str = setting(
        "time server (NTP) `host` or `host:port`; a clock more than 5 seconds off keeps this from starting; empty: not compared", default=""
    )
    trusted_proxies: int = setting("how many proxies in front set X-Forwarded-* headers", default=0)
    database_pool_size: int = setting("most database connections of one process, opened as they are needed", default=20)
    database_pooled: bool = setting("a pooler in transaction mode (PgBouncer) stands before the database", default=False)
    statement_timeout_ms: int = setting("longest time one database statement may take", default=15_000)
    open_data_base: int = setting("published counts are multiples of this; smaller ones are withheld", default=5, check=is_positive)
    log_level: str = setting("`debug`, `info`, `warning` or `error`", default="info")
    otlp_endpoint: str = setting("OpenTelemetry collector (OTLP over http); empty: no traces", default="")
    operator_name: str = setting("name of the body that runs this, shown in the header of each page", default="Andamio")
    help_phone: str = setting("telephone number for help, shown on each page and error", default="800 123 456")
    help_url: str = setting("address of the help pages", default="")

    @property
    def is_sandbox(self) -> bool:
        """True where test providers and loopback addresses are allowed."""
        return self.environment == "sandbox"

    @property
    def queue_url(self) -> Secret:
        """Where the queue is."""
        return self.broker_url or self.redis_url

    @property
    def secure(self) -> bool:
        """True where people reach this service over https."""
        return self.public_url.startswith("https://")


_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def _parse_bool(text: str) -> bool:
    lowered = text.lower()
    if lowered not in _TRUE | _FALSE:
        raise ValueError("must be true or false")
    return lowered in _TRUE


def _parse_int(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]+", text):
        raise ValueError("must be a whole number")
    return int(text)


def _parse_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_PARSERS: dict[object, Callable[[str], object]] = {
    str: str,
    int: _parse_int,
    bool: _parse_bool,
    Path: Path,
    Secret: Secret,
    tuple[str, ...]: _parse_list,
}


def env_name(service: str, field_name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{service}_{field_name}".upper()


def _raw(name: str, kind: object, environ: Mapping[str, str]) -> str | None:
    """Read one variable, or for a secret the file that `<NAME>_FILE` names.  Raises: ValueError."""
    value, file_name = environ.get(name), environ.get(name + "_FILE")
    if kind is not Secret or file_name is None:
        return value
    if value is not None:
        raise ValueError(f"give {name} or {name}_FILE, not both")
    try:
        return Path(file_name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"{name}_FILE cannot be read: {error.strerror}") from None


def read_secret(service: str, field_name: str, environ: Mapping[str, str]) -> Secret:
    """Read one secret alone, for a process that is to know no other.  Raises: SettingsError."""
    name = env_name(service, field_name)
    try:
        raw = _raw(name, Secret, environ)
        if not raw:
            raise ValueError(f"is not set (nor {name}_FILE)")
    except ValueError as error:
        raise SettingsError([f"{name} {error}"]) from None
    return Secret(raw)


S = TypeVar("S", bound=ServiceSettings)


def load(cls: type[S], service: str, environ: Mapping[str, str]) -> S:
    """Read the settings of a service from an environment.

    Raises: SettingsError with every fault found; no fault repeats a secret's value.
    """
    kinds = get_type_hints(cls)
    values: dict[str, object] = {}
    faults: list[str] = []
    in_sandbox = environ.get(env_name(service, "environment")) == "sandbox"
    for field in dataclasses.fields(cls):
        name, kind = env_name(service, field.name), kinds[field.name]
        try:
            raw = _raw(name, kind, environ)
            if raw is None or (raw == "" and kind is not str):
                if field.default is REQUIRED:
                    raise ValueError("is not set" + (f" (nor {name}_FILE)" if kind is Secret else ""))
                if field.metadata["required_in_production"] and not in_sandbox:
                    raise ValueError("must be set in production")
                continue
            value = _PARSERS[kind](raw)
            check = field.metadata["check"]
            if check and (fault := check(value)):
                raise ValueError(fault)
            values[field.name] = value
        except ValueError as error:
            faults.append(f"{name} {error}")
    if faults:
        raise SettingsError(faults)
    return cls(**values)  # type: ignore[arg-type]  # each value was made by the parser of its field's own type


@dataclass(frozen=True)
class Described:
    """One setting as documents show it."""

    variable: str
    help: str
    kind: str
    default: str | None


def describe(cls: type[ServiceSettings], service: str) -> list[Described]:
    """List the settings of a service, for documents and `andamio settings`."""
    kinds = get_type_hints(cls)
    rows = []
    for field in dataclasses.fields(cls):
        kind = kinds[field.name]
        default = None
        if field.default is not REQUIRED:
            default = "" if kind is Secret else ",".join(field.default) if isinstance(field.default, tuple) else str(field.default)
        label = {tuple[str, ...]: "list", Secret: "secret"}.get(kind, getattr(kind, "__name__", str(kind)))
        rows.append(Described(env_name(service, field.name), field.metadata["help"], label, default))
    return rows
