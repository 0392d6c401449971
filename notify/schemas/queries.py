"""Queries of the reading routes.  Spec: notify-api §5.2, §6."""

import uuid
from collections.abc import Mapping, Sequence

from notify.errors import MessageNotValid
from notify.operations.requests import ListQuery
from notify.standards.statuses import QUERIED

TEMPLATE_TYPES = ("sms", "email", "letter")
OURS = ("mailbox",)
"""Types beside the contract's: taken, and not named in refusals, whose words are the contract's."""
_ONCE = frozenset({"reference", "older_than", "include_jobs"})


def wire_uuid(text: str, name: str) -> uuid.UUID:
    """Read an id in a path or a query.  Raises: MessageNotValid."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise MessageNotValid(f"{name} is not a valid UUID") from None


def list_query(arguments: Mapping[str, Sequence[str]]) -> ListQuery:
    """Read the query of the list.  Raises: MessageNotValid with every fault."""
    faults: list[str] = []
    _check_words(faults, "status", arguments.get("status", ()), QUERIED)
    _check_words(faults, "template_type", [word for word in arguments.get("template_type", ()) if word not in OURS], TEMPLATE_TYPES)
    _check_words(faults, "include_jobs", arguments.get("include_jobs", ())[:1], ("true", "True"))
    older_than = None
    for text in arguments.get("older_than", ())[:1]:
        try:
            older_than = wire_uuid(text, "older_than")
        except MessageNotValid as fault:
            faults += fault.messages
    known = _ONCE | {"status", "template_type"}
    if extra := sorted(set(arguments) - known):
        faults.append(unexpected(extra))
    if faults:
        raise MessageNotValid(*dict.fromkeys(faults))
    reference = next(iter(arguments.get("reference", ())), None)
    return ListQuery(
        statuses=tuple(arguments.get("status", ())),
        channels=tuple(arguments.get("template_type", ())),
        reference=None if reference is None else reference.replace("\x00", ""),  # as bodies are kept
        older_than=older_than,
        include_jobs=bool(arguments.get("include_jobs")),
    )


def older_query(arguments: Mapping[str, Sequence[str]]) -> uuid.UUID | None:
    """Read the query of a list that has no filters: the id it starts after.  Raises: MessageNotValid."""
    if extra := sorted(set(arguments) - {"older_than"}):
        raise MessageNotValid(unexpected(extra))
    return next((wire_uuid(text, "older_than") for text in arguments.get("older_than", ())[:1]), None)


def type_query(arguments: Mapping[str, Sequence[str]]) -> str | None:
    """Read the query of the list of templates.  Raises: MessageNotValid."""
    faults: list[str] = []
    _check_words(faults, "type", [word for word in arguments.get("type", ())[:1] if word not in OURS], TEMPLATE_TYPES)
    if extra := sorted(set(arguments) - {"type"}):
        faults.append(unexpected(extra))
    if faults:
        raise MessageNotValid(*faults)
    return next(iter(arguments.get("type", ())), None)


def unexpected(names: Sequence[str]) -> str:
    """Say that there are names nobody asked for."""
    return f"Additional properties are not allowed ({', '.join(names)} {'was' if len(names) == 1 else 'were'} unexpected)"


def _check_words(faults: list[str], name: str, given: Sequence[str], allowed: tuple[str, ...]) -> None:
    faults += [f"{name} {word} is not one of [{', '.join(allowed)}]" for word in given if word not in allowed]
