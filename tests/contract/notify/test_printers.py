"""Several printers of letters: shares, each letter with its own, pausing by the operator.  Spec: notify-api §20; NO-9."""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from notify.app import create_context
from notify.context import Notify
from notify.models.team import Member
from notify.operations.providers import list_providers, set_weight
from notify.providers.base import Letter, ProviderUnavailable
from notify.providers.routing import OPEN_AFTER_FAILURES
from notify.standards.provider_list import read_printers
from shared.clock import FixedClock
from shared.http import OutboundTimeout, Reply
from shared.settings import Secret
from tests.factories.notify import settings

pytestmark = pytest.mark.rule("notify", "§20", "§17")
PRINTERS = [
    {"name": "uno", "url": "https://uno.example/print", "weight": 3, "token": "secret-of-uno"},
    {"name": "dos", "url": "https://dos.example/print"},
]
SERVICE = uuid.UUID("0190a7c0-0000-7000-8000-0000000000aa")
OPERATOR = Member("s-1", "Óscar", ("operator",))


class Post:
    """Counts what each printer was asked to take."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.status: dict[str, int] = {}
        self.tokens: set[str | None] = set()

    def request(self, _method: str, url: str, *, headers: dict[str, str], **_more: object) -> Reply:
        name = url.split("/")[2].split(".", maxsplit=1)[0]
        self.asked[name] += 1
        self.tokens.add(headers.get("Authorization"))
        if self.status.get(name) == 0:
            raise OutboundTimeout("silent")
        return Reply(self.status.get(name, 200), {}, b"{}")


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def notify(database: Callable[[str], str], redis_url: str, clock: FixedClock, post: Post) -> Iterator[Notify]:
    made = create_context(settings(database("notify"), redis_url, print_providers=Secret(json.dumps(PRINTERS))), clock=clock)
    made.http = post  # type: ignore[assignment]  # of what it can, printers use this much
    yield made
    made.close()


def letter(number: int) -> Letter:
    return Letter(f"0190a7c0-0000-7000-8000-{number:012}", SERVICE, "Camila Soto", "Recibo", b"%PDF-", "second")


def test_letters_are_shared_out_and_one_that_was_offered_waits_for_its_own_printer(notify: Notify, post: Post) -> None:
    for number in range(400):
        notify.printer.send(letter(number))
    assert 260 < post.asked["uno"] < 340
    assert post.tokens == {"Bearer secret-of-uno", None}
    post.status["uno"] = 503
    came = Counter(_sent(notify, letter(number)) for number in range(400, 420))
    assert came["uno"] == 0
    assert came["waits"] == OPEN_AFTER_FAILURES  # then nobody asks it, and new letters go to the other
    assert _sent(notify, replace(letter(500), offered_to="uno")) == "waits"
    post.status["uno"] = 200
    assert _sent(notify, replace(letter(500), offered_to="dos")) == "dos"


def _sent(notify: Notify, one: Letter) -> str:
    try:
        return notify.printer.send(one).provider
    except ProviderUnavailable:
        return "waits"


def test_a_letter_that_one_may_have_taken_is_not_printed_by_another(notify: Notify, post: Post) -> None:
    post.status = {"uno": 0, "dos": 0}
    with pytest.raises(ProviderUnavailable):
        notify.printer.send(letter(1))
    assert post.asked.total() == 1


def test_the_operator_pauses_one(notify: Notify, post: Post) -> None:
    set_weight(notify, OPERATOR, "letter", "uno", 0)
    assert {notify.printer.send(letter(number)).provider for number in range(10)} == {"dos"}
    assert {(card.name, card.weight, card.can_be_weighted) for card in list_providers(notify) if card.channel == "letter"} == {
        ("uno", 0, True),
        ("dos", 1, True),
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "at least one"),
        ('[{"name": "a"}]', "lacks url"),
        ('[{"name": "a", "url": 5}]', "url of provider 1"),
        ('[{"name": "a", "url": "u", "host": "h"}]', "has host"),
        ('[{"name": "a", "url": "u"}, {"name": "a", "url": "v"}]', "same name"),
        ('["a"]', "lacks"),
        ('[{"name": "a", "kind": "fax", "url": "u"}]', "http or sftp"),
        ('[{"name": "a", "kind": ["sftp"], "url": "u"}]', "http or sftp"),
        ('[{"name": "a", "kind": "sftp", "host": "h"}]', "lacks host_key"),
        ('[{"name": "a", "kind": "sftp", "host": "h", "username": "u", "key": "nonsense", "host_key": "x y"}]', "^key of provider 1"),
    ],
)
def test_a_list_that_is_not_right_is_refused_at_the_start(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_printers(text)
