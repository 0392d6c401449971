"""Who the header shows: the person whose session this is, and for whom that person acts."""

from dataclasses import dataclass

from flask import g


@dataclass(frozen=True)
class Visitor:
    """What the header tells.  `sign_out_url` takes a POST with the form's mark; `stop_url`, too, ends acting for another."""

    name: str = ""
    sign_out_url: str = ""
    acts_for: str = ""
    stop_url: str = ""


def show_person(name: str, *, sign_out_url: str) -> None:
    """Have the header of the present page say whose session this is."""
    known = visitor()
    g.visitor = Visitor(name, sign_out_url, known.acts_for, known.stop_url)


def act_for(name: str, *, stop_url: str = "") -> None:
    """Have the present page say, in a band that cannot be overlooked, for whom this person acts."""
    known = visitor()
    g.visitor = Visitor(known.name, known.sign_out_url, name, stop_url)


def visitor() -> Visitor:
    """Return what the header of the present page tells."""
    found: Visitor = g.get("visitor") or Visitor()
    return found
