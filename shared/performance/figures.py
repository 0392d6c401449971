"""What is published: rounded counts and the four measures.  Pure.

Counts are rounded to a base and withheld (None) below it, in each row and each sum by itself, so that no difference of two
published figures tells of a single person.  Shares are whole percents of rounded counts.
Satisfaction as the Chilean state measures it: *gross* is the share of marks 6 and 7, *net* is gross less the share of marks 1 to 4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date

NOT_DIGITAL = frozenset({"phone", "counter", "letter", "paper"})
GOOD, BAD = frozenset({6, 7}), frozenset({1, 2, 3, 4})


@dataclass
class Tally:
    """Raw counts of some days, products or channels together; never published as they are."""

    started: int = 0
    completed: int = 0
    failed: int = 0
    avoidable: int = 0
    digital: int = 0
    marks: dict[int, int] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Take another's counts in."""
        self.started += other.started
        self.completed += other.completed
        self.failed += other.failed
        self.avoidable += other.avoidable
        self.digital += other.digital
        for mark, answers in other.marks.items():
            self.marks[mark] = self.marks.get(mark, 0) + answers


@dataclass(frozen=True)
class Cost:
    """What a product cost its service in a month."""

    amount_minor: int
    currency: str


@dataclass(frozen=True)
class Figures:
    """One published row; None is withheld or not known."""

    component: str
    period: str
    service: str
    service_name: str
    product: str
    channel: str
    started: int | None
    completed: int | None
    failed: int | None
    avoidable: int | None
    completion_percent: int | None
    digital_percent: int | None
    answers: int | None
    satisfied_gross_percent: int | None
    satisfied_net_percent: int | None
    cost_per_transaction_minor: int | None
    currency: str | None

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return asdict(self)


FIELDS = tuple(Figures.__dataclass_fields__)


def publish(
    tally: Tally, *, base: int, component: str, period: str, names: Mapping[str, str], product: str, channel: str, cost: Cost | None = None
) -> Figures:
    """Return what may be said of a tally; `names` has `service` and `service_name`."""
    started, completed = rounded(tally.started, base), rounded(tally.completed, base)
    answers = rounded(sum(tally.marks.values()), base)
    good = sum(count for mark, count in tally.marks.items() if mark in GOOD)
    bad = sum(count for mark, count in tally.marks.items() if mark in BAD)
    return Figures(
        component=component,
        period=period,
        service=names["service"],
        service_name=names["service_name"],
        product=product,
        channel=channel,
        started=started,
        completed=completed,
        failed=rounded(tally.failed, base),
        avoidable=rounded(tally.avoidable, base),
        completion_percent=_percent(completed, started),
        digital_percent=_percent(rounded(tally.digital, base), started),
        answers=answers,
        satisfied_gross_percent=_percent(_nearest(good, base), answers),
        satisfied_net_percent=_net(_nearest(good, base), _nearest(bad, base), answers),
        cost_per_transaction_minor=round(cost.amount_minor / completed) if cost and completed else None,
        currency=cost.currency if cost else None,
    )


def rounded(count: int, base: int) -> int | None:
    """Return a count rounded to the base, None where it is below it.  A base of 1 publishes counts as they are."""
    return None if count < base and base > 1 else _nearest(count, base)


def _nearest(count: int, base: int) -> int:
    return base * ((count + base // 2) // base)


def _percent(part: int | None, whole: int | None) -> int | None:
    return None if part is None or not whole else min(100, round(100 * part / whole))


def _net(good: int, bad: int, answers: int | None) -> int | None:
    return None if not answers else max(-100, min(100, round(100 * (good - bad) / answers)))


def month_of(day: date) -> date:
    """Return the first of its month."""
    return day.replace(day=1)


def total(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of tallies."""
    summed = Tally()
    for tally in tallies:
        summed.add(tally)
    return summed


_COUNT = {"type": ["integer", "null"], "minimum": 0}
_SHARE = {"type": ["integer", "null"], "minimum": 0, "maximum": 100}
ROW_SCHEMA: Mapping[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "required": list(FIELDS),
    "properties": {
        "component": {"type": "string", "description": "identity, notify, pay or wallet"},
        "period": {
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$",
            "description": "day or month (UTC) of the beginning",
        },
        "service": {"type": "string", "description": "the public service, by its id in this component"},
        "service_name": {"type": "string"},
        "product": {"type": "string", "description": "what was done"},
        "channel": {"type": "string", "description": "how it was done; `all` in rows of months"},
        "started": _COUNT,
        "completed": {**_COUNT, "description": "reached their end: a payment taken, a message delivered, a request decided"},
        "failed": {**_COUNT, "description": "ended otherwise, abandoned ones too"},
        "avoidable": {**_COUNT, "description": "contacts that need not have been: tries repeated, facts asked for again"},
        "completion_percent": {**_SHARE, "description": "completed of started"},
        "digital_percent": {**_SHARE, "description": "started on channels other than telephone, counter, letter and paper"},
        "answers": {**_COUNT, "description": "answers to the question how satisfied somebody was"},
        "satisfied_gross_percent": {**_SHARE, "description": "marks 6 and 7 of 1 to 7"},
        "satisfied_net_percent": {
            "type": ["integer", "null"],
            "minimum": -100,
            "maximum": 100,
            "description": "marks 6 and 7 less marks 1 to 4",
        },
        "cost_per_transaction_minor": {**_COUNT, "description": "what the service says the month cost it, by completed; minor units"},
        "currency": {"type": ["string", "null"], "pattern": "^[A-Z]{3}$"},
    },
}
SCHEMA: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Performance of a component as open data",
    "type": "object",
    "additionalProperties": False,
    "required": ["component", "made_at", "rounded_to", "licence", "months", "days"],
    "properties": {
        "component": {"type": "string"},
        "made_at": {"type": "string", "format": "date-time"},
        "rounded_to": {"type": "integer", "description": "counts are multiples of this; what is below it is null"},
        "licence": {"type": "string"},
        "months": {"type": "array", "items": ROW_SCHEMA, "description": "the last 13 months, all channels together"},
        "days": {"type": "array", "items": ROW_SCHEMA, "description": "the last 31 days, by channel"},
    },
}
