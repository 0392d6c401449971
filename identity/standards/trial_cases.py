"""Who a team needs to try its service with: an ordinary person, and the cases at the edge.  Spec: identity-oidc §1.8, §3.11."""

from dataclasses import dataclass

from shared.web.words import gettext_noop

NUMBER_MIN, NUMBER_DIGITS = 40_000_000, 7
"""RUNs from there on that belong to nobody: people's numbers end below 30 million, companies' begin at 50 million."""
ADULT_AGE, MINOR_AGE = 37, 15


@dataclass(frozen=True)
class Case:
    """One made-up person; `words` say what they are good for."""

    key: str
    words: str
    given_names: tuple[str, ...] = ("Rosa", "Elena")
    family_names: tuple[str, ...] = ("Quilodrán", "Soto")
    age: int = ADULT_AGE
    has_app: bool = False
    has_contact: bool = True


LETTER, COMPANY, LOCKED, PENDING, DECEASED = "letter", "company", "locked", "not-activated", "deceased"
CASES = (
    Case("plain", gettext_noop("An ordinary person")),
    Case("second-factor", gettext_noop("Has an app for codes as second factor"), ("José",), ("Ñancupil", "Huenchumán"), has_app=True),
    Case("one-name", gettext_noop("One family name only"), ("Kevin",), ("Tapia",)),
    Case(
        "long-name",
        gettext_noop("A long name with accents and a hyphen"),
        ("María", "de los", "Ángeles"),
        ("Fernández-Concha", "Undurraga"),
    ),
    Case(LETTER, gettext_noop("The RUN ends in K"), ("Tomás",), ("Riquelme", "Oyarzún")),
    Case("minor", gettext_noop("Is 15 years old"), ("Florencia",), ("Araya", "Pinto"), age=MINOR_AGE),
    Case("foreigner", gettext_noop("Came from abroad: other names, one family name"), ("Marie-Thérèse",), ("Jean-Baptiste",)),
    Case("no-contact", gettext_noop("Has neither e-mail nor telephone"), ("Segundo",), ("Llanquileo", "Curín"), has_contact=False),
    Case(COMPANY, gettext_noop("May sign for a company"), ("Patricia",), ("Bravo", "Yáñez")),
    Case(LOCKED, gettext_noop("Is locked: the tries of the password are used up"), ("Hugo",), ("Vergara", "Leiva")),
    Case(PENDING, gettext_noop("Has not activated the account"), ("Ema",), ("Catalán", "Rojas")),
    Case(DECEASED, gettext_noop("Has died"), ("Luis",), ("Mella", "Garrido")),
)
BY_KEY = {case.key: case for case in CASES}
