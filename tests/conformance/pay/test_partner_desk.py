"""Operators set up the counters and partners that take money: names, limits, keys, daily files.  Spec: pay-design.md §6, §8."""

import io
import re

import pytest

from pay.operations.proofs import prove
from tests.conformance.pay.test_console import Desk
from tests.conformance.pay.test_notices import issue
from tests.factories.pay import World

LIST = "/console/partners"


@pytest.fixture
def olga(world: World) -> Desk:
    return Desk(world, "olga", "operator")


def add(olga: Desk, name: str = "Caja Vecina", amount: str = "") -> str:
    answer = olga.send(f"{LIST}/new", f"{LIST}/new", name=name, max_amount=amount)
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def make_key(olga: Desk, own: str) -> str:
    answer = olga.send(own + "/keys", own)
    assert answer.status_code == 201
    found = re.search(r'id="new-key">([^<]+)<', answer.get_data(as_text=True))
    assert found is not None
    return found.group(1)


def verify(world: World, key: str, number: str) -> int:
    answer = world.client().get(f"/partners/v1/notices/{number}", headers={"Authorization": f"Bearer {key}"})
    return answer.status_code


@pytest.mark.rule("pay", "pay-design §8", "§23")
def test_a_partner_is_set_up_works_is_stopped_and_works_again(world: World, olga: Desk) -> None:
    number = issue(world)["number"]
    own = add(olga, " Caja   Vecina ", "14.000")
    assert "Caja Vecina" in olga.page(LIST).get_text()
    assert "$14.000" in olga.page(own).get_text()
    key = make_key(olga, own)
    assert key not in olga.page(own).get_text(), "it is shown once"
    assert verify(world, key, number) == 200
    assert olga.send(own + "/change", own + "/change", name="Caja Vecina Sur", max_amount="").status_code == 303
    assert "Cualquier monto" in olga.page(own).get_text()
    for on, status in (("no", 401), ("no", 401), ("yes", 200)):
        assert olga.send(own + "/switch", own, on=on).status_code == 303
        assert verify(world, key, number) == status
    assert olga.send(own + "/switch", own, on="perhaps").status_code == 404
    path = str(olga.page(own).select_one("form[action*=revoke]")["action"])  # type: ignore[index]  # it is there
    other = add(olga, "Otra")
    assert olga.send(path.replace(own, other), other).status_code == 404, "another partner's key"
    for _ in range(2):
        assert olga.send(path, own).status_code == 303
    assert verify(world, key, number) == 401


@pytest.mark.rule("pay", "pay-design §8", "I11")
def test_a_daily_file_is_read_at_the_desk_once(world: World, olga: Desk) -> None:
    number, own = issue(world)["number"], add(olga)
    head = "receipt_number,notice_number,amount,paid_at,branch\n"
    rows = f"R-1,{number},14500,2026-06-08T11:00:00-04:00,Centro\nR-2,000000000000000000,900,2026-06-08T11:00:00-04:00,\nR-3,x\n"

    def send(content: str | bytes) -> str:
        page = olga.page(own + "/daily-file")
        mark = str(page.select_one("input[name=csrf_token]")["value"])  # type: ignore[index]  # it is there
        raw = content if isinstance(content, bytes) else content.encode()
        file = (io.BytesIO(raw), "day.csv")
        answer = olga.client.post(own + "/daily-file", data={"csrf_token": mark, "file": file}, content_type="multipart/form-data")
        assert answer.status_code in {200, 422}
        text = answer.get_data(as_text=True)
        answer.request.environ["wsgi.input"].close()  # a large one is a file
        return text

    for _ in range(2):
        text = send(head + rows)
        assert "Anotado: 1" in text
        assert "Dinero sin explicar: 1" in text
        assert "La línea 4 no se anotó" in text
    receipts = [row.get_text() for row in olga.page(own).select("tbody tr td:nth-of-type(1)")]
    assert sorted(receipts) == ["R-1", "R-2"]
    for wrong in (b"", b"nothing\n", b"\xff\xfe", b"x" * 5_000_001):
        assert "govuk-error-summary" in send(wrong)
    with world.pay.reading() as tx:
        assert prove(tx.connection).faults == ()


@pytest.mark.rule("pay", "pay-design §8", "§23", "I9")
def test_partners_are_for_operators_with_two_fresh_factors(world: World, olga: Desk) -> None:
    own = add(olga)
    ana = Desk(world, "ana")
    for path in (LIST, f"{LIST}/new", own, own + "/change", own + "/daily-file"):
        assert ana.get(path).status_code == 403
    for path in (f"{LIST}/new", own + "/change", own + "/switch", own + "/keys", own + "/daily-file"):
        assert ana.send(path, "/receipt", name="x", on="no").status_code == 403
    assert Desk(world, "olga", "operator", level=1).get(own).status_code == 303
    for unknown in ("0" * 26, "x", "a" * 300):
        assert olga.get(f"{LIST}/{unknown}").status_code == 404


@pytest.mark.rule("pay", "pay-design §8")
@pytest.mark.parametrize(("name", "amount"), [("", ""), (" \0 ", ""), ("Caja", "abc"), ("Caja", "0"), ("Caja", "-5"), ("Caja", "9" * 40)])
def test_a_wrong_form_says_what_to_do(olga: Desk, name: str, amount: str) -> None:
    answer = olga.send(f"{LIST}/new", f"{LIST}/new", name=name, max_amount=amount)
    assert answer.status_code == 422
    assert "govuk-error-summary" in answer.get_data(as_text=True)
    assert olga.page(LIST).select("tbody tr") == []
