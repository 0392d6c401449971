"""Who lives in the sandbox: citizens to sign in as, staff, and the clients that identity knows.  Passwords and keys come from the plan."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Citizen:
    """A person of the sandbox.  `totp_secret` is base32, None without a second factor; phone is E.164."""

    run: str
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    birth_date: str
    password: str
    totp_secret: str | None
    email: str
    phone: str
    note: str

    @property
    def name(self) -> str:
        """The whole name, given names first."""
        return " ".join((*self.given_names, *self.family_names))


@dataclass(frozen=True, kw_only=True)
class StaffMember:
    """A person who works on the suite: always with a second factor."""

    run: str
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    password: str
    totp_secret: str
    email: str
    roles: tuple[str, ...]

    @property
    def name(self) -> str:
        """The whole name, given names first."""
        return " ".join((*self.given_names, *self.family_names))


@dataclass(frozen=True, kw_only=True)
class Client:
    """A client to be registered at identity.

    `policy` is identity's client profile; a web client has `secret`, a machine or FAPI 2 client `private_jwk`, a public one neither.
    """

    client_id: str
    name: str
    policy: str
    secret: str | None = None
    private_jwk: Mapping[str, str] | None = None
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Persona:
    """What is fixed about a citizen before the plan adds the secrets."""

    run: str
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    birth_date: str
    email: str
    phone: str
    note: str
    two_factors: bool = False


CITIZENS = (
    Persona(
        run="11111111-1",
        given_names=("Camila", "Andrea"),
        family_names=("Soto", "Pérez"),
        birth_date="1994-03-12",
        email="camila.soto@example.com",
        phone="+56911111111",
        note="the person of the guided tour",
    ),
    Persona(
        run="22222222-2",
        given_names=("José",),
        family_names=("Ñancupil", "Huenchumán"),
        birth_date="1987-09-30",
        email="jose.nancupil@example.com",
        phone="+56922222222",
        note="signs in with a second factor (TOTP)",
        two_factors=True,
    ),
    Persona(
        run="33333333-3",
        given_names=("María", "de los", "Ángeles"),
        family_names=("Fernández-Concha", "Undurraga"),
        birth_date="1959-11-02",
        email="maria.fernandez-concha@example.com",
        phone="+56933333333",
        note="a long name with a hyphen and accents",
    ),
    Persona(
        run="44444444-4",
        given_names=("Kevin",),
        family_names=("Tapia",),
        birth_date="2001-01-20",
        email="kevin.tapia@example.com",
        phone="+56944444444",
        note="one family name only",
    ),
)
STAFF_RUN = "55555555-5"
STAFF_ROLES = ("operator", "officer", "agent", "auditor")

# What each machine may ask for; a scope's prefix names the service that honours it.
SCOPES: Mapping[str, tuple[str, ...]] = {
    "sandbox-machine": ("notify:send", "notify:read", "pay:read", "pay:write", "wallet:consents", "wallet:exchange"),
    "wallet-consumer": ("wallet:consents", "wallet:exchange"),
    "wallet-provider": ("wallet:provide", "wallet:log"),
    "identity": ("notify:send", "notify:register", "pay:register", "wallet:register", "wallet:flows", "audit:witness"),
    "notify": ("audit:witness",),
    "pay": ("notify:send", "audit:witness"),
    "wallet": (
        *("notify:send", "notify:portal", "registry:mandates", "identity:grants", "identity:history", "pay:people", "audit:witness"),
    ),
}
