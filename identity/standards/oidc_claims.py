"""Which claims a scope releases, and their form.  Spec: OpenID Connect Core §5, identity-oidc CU-5…CU-9, CU-31, UI-4."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from identity.standards import assistance, yes_no
from identity.standards.acr import NS
from shared.run import Run

RUN_CLAIM = NS + "run"
ROLES_CLAIM = NS + "roles"
REPRESENT, REPRESENTS_CLAIM = "represent", NS + "represents"
"""The scope that lets a service ask for whom the person acts, and the claim that says so (RP-2, RP-3)."""
SCOPES: Mapping[str, tuple[str, ...]] = {
    "openid": ("sub",),
    "profile": ("name", "given_name", "family_name", "updated_at"),
    "name": ("name", "given_name", "family_name"),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    "run": ("RolUnico", RUN_CLAIM),
    "roles": (ROLES_CLAIM,),
    "age": (yes_no.PREFIX + "18",),
    "document": (),
    REPRESENT: (REPRESENTS_CLAIM,),
    assistance.SCOPE: (),
}
"""Fixed claim lists, a row for each scope about a person."""
ONE_BY_ONE: Mapping[str, tuple[str, ...]] = {"age": yes_no.AGE_CLAIMS}
"""What a scope of the client lets it ask for one by one, besides what the scope gives by itself."""
PROFILES = ("standard", "clave_unica")


@dataclass(frozen=True)
class Facts:
    """What is known about a person and may be released."""

    run: Run
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    email: str | None = None
    email_verified: bool = False
    phone: str | None = None
    phone_verified: bool = False
    updated_at: int = 0
    roles: tuple[str, ...] = ()
    birth_date: date | None = None
    on: date | None = None
    """The day for which ages are told; the date of birth itself never is."""

    @property
    def full_name(self) -> str:
        """Return the whole name in the order of use."""
        return " ".join((*self.given_names, *self.family_names))


def released_names(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the claim names that scopes release, in order, each once; `sub` is always there."""
    return tuple(dict.fromkeys(["sub", *(claim for scope in scopes for claim in SCOPES.get(scope, ()))]))


def _standard(facts: Facts) -> dict[str, object]:
    return {
        "name": facts.full_name,
        "given_name": " ".join(facts.given_names),
        "family_name": " ".join(facts.family_names),
        "updated_at": facts.updated_at or None,
        "email": facts.email,
        "email_verified": facts.email_verified if facts.email else None,
        "phone_number": facts.phone,
        "phone_number_verified": facts.phone_verified if facts.phone else None,
        "RolUnico": facts.run.rol_unico,
        RUN_CLAIM: facts.run.rol_unico,
        ROLES_CLAIM: list(facts.roles),
        **yes_no.age_claims(facts.birth_date, facts.on),
    }


def _clave_unica(facts: Facts) -> dict[str, object]:
    return {
        "name": {"nombres": list(facts.given_names), "apellidos": list(facts.family_names)},
        "email": facts.email,
        "RolUnico": facts.run.rol_unico,
    }


def entitled(names: Iterable[str], client_scopes: Iterable[str]) -> tuple[str, ...]:
    """Return those claims asked for one by one that the client may have: they belong to a scope that it was granted."""
    scopes = tuple(client_scopes)
    allowed = {*released_names(scopes), *(claim for scope in scopes for claim in ONE_BY_ONE.get(scope, ()))}
    return tuple(name for name in names if name in allowed)


def claims_for(subject: str, facts: Facts, names: Iterable[str], profile: str) -> dict[str, object]:
    """Return the named claims about a person, without nulls and empty values (UI-4)."""
    known = _clave_unica(facts) if profile == "clave_unica" else _standard(facts)
    return {"sub": subject, **{name: known[name] for name in names if not _is_empty(known.get(name))}}


def _is_empty(value: object) -> bool:
    """Answer whether there is nothing to tell; `False` is an answer."""
    return value is None or value in ("", [])
