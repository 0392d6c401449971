"""The words of messages to people: subject and body, in the language of the moment; the first line says what to do."""

from shared.web import gettext
from wallet.models.person_notice import NoticeKind

Words = tuple[str, str]


def request(name: str, titles: str, until: str, link: str) -> Words:
    """A body asks for data."""
    subject = gettext("%(name)s asks to see your data", name=name)
    return subject, _lines(
        gettext("Decide until %(until)s: %(link)s", until=until, link=link),
        gettext("It is about: %(titles)s.", titles=titles),
        gettext("You can say no. You lose no right."),
    )


def others_needed(names: str, name: str, until: str, link: str) -> Words:
    """Somebody with whom one must decide said yes."""
    return gettext("%(names)s said yes. Your word is needed too", names=names), _lines(
        gettext("Decide until %(until)s: %(link)s", until=until, link=link),
        gettext("%(name)s asks to see data of those for whom you both act.", name=name),
        gettext("You can say no. Then nobody sees them."),
    )


def receipt(event: str, name: str, title: str, link: str) -> Words:
    """Something became of a permission."""
    subject = gettext("Your receipt: permission for %(name)s", name=name)
    ends = {
        "granted": gettext("A permission was given."),
        "withdrawn": gettext("The permission has ended. Nobody gets these data with it any more."),
        "renewed": gettext("A newer permission took its place."),
    }
    return subject, _lines(
        ends.get(event, gettext("The permission no longer holds.")), gettext("It is about: %(titles)s.", titles=title), link
    )


def expiring(name: str, title: str, day: str, link: str) -> Words:
    """A permission ends soon."""
    subject = gettext("Your permission for %(name)s ends soon", name=name)
    return subject, _lines(
        gettext("You need to do nothing. It ends on %(day)s.", day=day), gettext("It is about: %(titles)s.", titles=title), link
    )


def summary(lines: list[str], link: str) -> Words:
    """All permissions in force."""
    subject = gettext("Your permissions that are in force")
    return subject, _lines(gettext("You need to do nothing. You can end each one here: %(link)s", link=link), *lines)


def checkpoint(origin: str, size: str, note: str, link: str) -> Words:
    """The state of the log as it was signed, for an authority to keep."""
    said = gettext("Keep this message: it is the signed state of the log of accesses, up to entry %(size)s.", size=size)
    why = gettext("Whoever changes, takes out or puts in any of those entries later contradicts it.")
    return gettext("Signed state of the log %(origin)s", origin=origin), _lines(
        said, why, note, gettext("The same state is published here: %(link)s", link=link)
    )


def access(kind: NoticeKind, name: str, title: str, link: str) -> Words:
    """Somebody read data, or tried."""
    said = {
        NoticeKind.FIRST_ACCESS: gettext("%(name)s looked at your data for the first time", name=name),
        NoticeKind.SENSITIVE_ACCESS: gettext("%(name)s looked at sensitive data of yours", name=name),
        NoticeKind.NIGHT_ACCESS: gettext("%(name)s looked at your data at night", name=name),
        NoticeKind.REFUSED_ACCESS: gettext("%(name)s wanted to see your data and was refused", name=name),
    }
    return said[kind], _lines(
        gettext("If it is as it should be, do nothing. If not, ask why: %(link)s", link=link),
        gettext("It is about: %(titles)s.", titles=title),
    )


def delegate_acted(name: str, link: str) -> Words:
    """A delegate did something."""
    return gettext("%(name)s acted for you", name=name), _lines(gettext("See what was done: %(link)s", link=link))


def delegation_ended(name: str, reason: str, link: str) -> Words:
    """A power to act is over."""
    subject = gettext("%(name)s no longer acts for you", name=name)
    if reason == "majority":
        return gettext("You are 18: your permissions are yours now"), _lines(
            gettext("Look at what was decided for you, and keep what you want: %(link)s", link=link),
            gettext("What you do not keep ends by itself."),
        )
    return subject, _lines(gettext("You need to do nothing. Who acts for you: %(link)s", link=link))


def _lines(*lines: str) -> str:
    return "\n\n".join(lines)
