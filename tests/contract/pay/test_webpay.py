"""Webpay Plus against its simulator: the four ways back, the one commit, lost answers, refunds, the mall."""

import pytest

from pay.models.ledger import ledger_accounts
from pay.operations.proofs import prove
from pay.operations.suspense import list_open
from tests.factories.banks import MALL, Banks, make_banks
from tests.factories.pay import Browser, ProcessDied, World

GOOD, BAD, DEBIT = "4051885600446623", "5186059559590568", "4051884239937763"


@pytest.fixture
def banks(world: World) -> Banks:
    made = make_banks(world)
    made.account("webpay", attempts_max=2)
    return made


def assert_books_agree(banks: Banks) -> None:
    with banks.world.pay.db.begin() as connection:
        assert prove(connection).faults == ()


def start(banks: Banks, **changes: object) -> tuple[str, Browser, str]:
    payment_id = banks.world.create(**changes)["payment_id"]
    payer = banks.world.payer(payment_id)
    assert 'id="leave"' in payer.html
    return payment_id, payer, banks.leave(payer)


@pytest.mark.rule("pay", "pay-design §7.1", "I3", "CH-1")
def test_a_card_is_taken_on_webpays_page_and_committed_once_however_often_the_payer_comes_back(banks: Banks) -> None:
    payment_id, payer, token = start(banks)
    assert banks.world.status(payment_id) == "started"
    back = banks.webpay.pay(token, DEBIT)
    for _ in range(3):
        banks.back(payer, back)
    assert banks.webpay.commits == [token]
    assert banks.world.status(payment_id) == "success"
    banks.world.run_jobs()
    read = banks.world.read(payment_id)
    assert read["settlement_summary"]["captured_date"]
    assert (read["payment_provider"], read["provider_id"]) == ("webpay", token)
    details = read["card_details"]
    assert (details["last_digits_card_number"], details["card_type"], details["card_brand"]) == (DEBIT[-4:], "debit", None)
    events = [event["state"]["status"] for event in banks.world.get(f"/v1/payments/{payment_id}/events").get_json()["events"]]
    assert events == ["created", "started", "submitted", "success"]
    assert_books_agree(banks)


@pytest.mark.rule("pay", "pay-design §7.1", "§25")
def test_a_declined_card_may_be_followed_by_another_try_and_then_the_payment_is_rejected(banks: Banks) -> None:
    payment_id, payer, token = start(banks)
    banks.back(payer, banks.webpay.pay(token, BAD))
    assert banks.world.status(payment_id) == "started"
    assert 'id="declined"' in payer.html
    banks.back(payer, banks.webpay.pay(banks.leave(payer), BAD))
    assert banks.world.status(payment_id) == "P0010"
    assert_books_agree(banks)


@pytest.mark.rule("pay", "pay-design §7.1")
def test_cancelling_at_webpay_is_not_committed_and_ends_as_cancelled_by_the_user(banks: Banks) -> None:
    banks.world.change_account(attempts_max=1)
    payment_id, payer, token = start(banks)
    return_url = banks.webpay.transactions[token].return_url
    for _ in range(2):
        banks.back(payer, return_url, banks.webpay.abort(token))
    assert banks.world.status(payment_id) == "P0030"
    assert banks.webpay.commits == []


@pytest.mark.rule("pay", "pay-design §7.1")
@pytest.mark.parametrize("is_both", [False, True])
def test_a_page_whose_time_ran_out_or_that_was_opened_again_leaves_the_way_open(banks: Banks, is_both: bool) -> None:
    payment_id, payer, token = start(banks)
    return_url = banks.webpay.transactions[token].return_url
    given = banks.webpay.time_out(token)
    banks.back(payer, return_url, given | ({"token_ws": token, "TBK_TOKEN": token} if is_both else {}))
    assert banks.world.status(payment_id) == "started"
    banks.back(payer, banks.webpay.pay(banks.leave(payer), GOOD))
    assert banks.world.status(payment_id) == "success"
    assert len(banks.webpay.commits) == 1


@pytest.mark.rule("pay", "pay-design §7.1", "pay-design §4.2", "I3", "I7")
def test_an_attempt_that_was_left_is_never_committed(banks: Banks) -> None:
    payment_id, payer, first = start(banks)
    banks.back(payer, f"/card_details/{payment_id}")
    second = banks.leave(payer)
    banks.back(payer, banks.webpay.pay(first, GOOD))
    assert banks.webpay.commits == []
    banks.back(payer, banks.webpay.pay(second, GOOD))
    assert banks.webpay.commits == [second]
    assert banks.world.status(payment_id) == "success"


@pytest.mark.rule("pay", "pay-design §7.1", "pay-design §4.2", "I7")
def test_a_commit_whose_answer_is_lost_is_asked_for_and_not_sent_again(banks: Banks) -> None:
    payment_id, payer, token = start(banks)
    banks.webpay.faults.append("commit lost")
    banks.back(payer, banks.webpay.pay(token, GOOD))
    assert payer.path.endswith("/auth_waiting")
    banks.world.run_jobs()
    assert banks.world.status(payment_id) == "success"
    assert banks.webpay.commits == [token]
    banks.world.run_jobs()
    assert_books_agree(banks)


@pytest.mark.rule("pay", "pay-design §7.1", "I7")
def test_a_commit_that_never_arrived_is_reversed_there_and_declined_here(banks: Banks) -> None:
    banks.world.change_account(attempts_max=1)
    payment_id, payer, token = start(banks)
    banks.webpay.faults.append("commit late")
    banks.back(payer, banks.webpay.pay(token, GOOD))
    for _ in range(20):
        banks.world.pay.clock.advance(seconds=15)  # type: ignore[attr-defined]  # the clock of tests
        banks.world.run_jobs()
    assert banks.world.status(payment_id) == "P0010"
    assert banks.webpay.commits == []
    assert_books_agree(banks)


@pytest.mark.rule("pay", "pay-design §4.2")
def test_a_webpay_that_is_down_takes_nothing_and_the_payer_may_try_again(banks: Banks) -> None:
    payment_id = banks.world.create()["payment_id"]
    payer = banks.world.payer(payment_id)
    banks.webpay.faults.append("create down")
    payer.send(f"{payer.path}/leave", {})
    assert 'id="away"' in payer.html
    banks.back(payer, banks.webpay.pay(banks.leave(payer), GOOD))
    assert banks.world.status(payment_id) == "success"


@pytest.mark.rule("pay", "§20", "A18", "pay-design §7.1")
def test_a_payer_who_never_comes_back_lets_the_payment_expire(banks: Banks) -> None:
    payment_id, _, token = start(banks)
    banks.webpay.pay(token, GOOD)
    banks.world.pay.clock.advance(seconds=90 * 60)  # type: ignore[attr-defined]  # the clock of tests
    banks.world.sweep()
    assert banks.world.status(payment_id) == "P0020"
    assert banks.webpay.commits == []


def paid(banks: Banks, **changes: object) -> tuple[str, str]:
    payment_id, payer, token = start(banks, **changes)
    banks.back(payer, banks.webpay.pay(token, GOOD))
    banks.world.run_jobs()
    assert banks.world.read(payment_id)["settlement_summary"]["captured_date"]
    return payment_id, token


@pytest.mark.rule("pay", "§9", "pay-design §7.1", "I2", "I5")
def test_refunds_go_back_by_webpay_and_a_lost_answer_is_never_paid_twice(banks: Banks) -> None:
    payment_id, _ = paid(banks)
    path = f"/v1/payments/{payment_id}/refunds"
    assert banks.world.post(path, {"amount": 4500}).get_json()["status"] == "success"
    banks.webpay.faults.append("refund lost")
    assert banks.world.post(path, {"amount": 4500}).get_json()["status"] == "success", "the balance says that it was done"
    banks.wire.deaf = True
    assert banks.world.post(path, {"amount": 5500}).get_json()["status"] == "submitted"
    banks.wire.deaf = False
    for _ in range(6):
        banks.world.pay.clock.advance(seconds=60)  # type: ignore[attr-defined]  # the clock of tests
        banks.world.run_jobs()
    listed = banks.world.get(path).get_json()["_embedded"]["refunds"]
    assert [refund["status"] for refund in listed] == ["success"] * 3
    assert [amount for _, amount in banks.webpay.refunds] == [4500, 4500, 5500]
    assert banks.world.read(payment_id)["refund_summary"]["status"] == "full"
    assert_books_agree(banks)


@pytest.mark.rule("pay", "§8", "pay-design §7.1")
def test_a_held_payment_that_is_cancelled_is_given_back(banks: Banks) -> None:
    payment_id, payer, token = start(banks, delayed_capture=True)
    banks.back(payer, banks.webpay.pay(token, GOOD))
    assert banks.world.status(payment_id) == "capturable"
    assert banks.world.post(f"/v1/payments/{payment_id}/cancel").status_code == 204
    assert banks.webpay.refunds == [(banks.webpay.transactions[token].buy_order, 14500)]
    assert banks.world.status(payment_id) == "P0040"
    assert_books_agree(banks)


@pytest.mark.rule("pay", "§8", "pay-design §4.2", "I7")
@pytest.mark.parametrize("is_heard", [False, True])
def test_a_void_whose_answer_is_lost_is_asked_for_before_it_is_sent_again(banks: Banks, is_heard: bool) -> None:
    payment_id, payer, token = start(banks, delayed_capture=True)
    banks.back(payer, banks.webpay.pay(token, GOOD))
    banks.wire.deaf, banks.wire.cut = is_heard, not is_heard
    assert banks.world.post(f"/v1/payments/{payment_id}/cancel").status_code == 204
    banks.wire.deaf = banks.wire.cut = False
    assert len(banks.webpay.refunds) == is_heard
    for _ in range(4):
        banks.world.pay.clock.advance(seconds=60)  # type: ignore[attr-defined]  # the clock of tests
        banks.world.sweep()
    assert banks.world.status(payment_id) == "P0040"
    assert [amount for _, amount in banks.webpay.refunds] == [14500]
    assert_books_agree(banks)


SHARES = [{"beneficiary": "org-a", "amount": 10000}, {"beneficiary": "org-b", "amount": 4500}]


@pytest.mark.rule("pay", "pay-design §7.1", "§25", "I2")
def test_in_a_mall_each_beneficiary_is_a_child_of_its_own_and_gives_back_its_part(banks: Banks) -> None:
    banks.account("webpay", MALL)
    payment_id, token = paid(banks, allocations=SHARES)
    children = banks.webpay.transactions[token].details
    assert [(child.commerce_code, child.amount) for child in children] == [(MALL["mall:org-a"], 10000), (MALL["mall:org-b"], 4500)]
    assert banks.world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 1450}).get_json()["status"] == "success"
    assert [amount for _, amount in banks.webpay.refunds] == [1000, 450]
    assert owed(banks) == {"org-a": 9000, "org-b": 4050}
    assert_books_agree(banks)


def owed(banks: Banks) -> dict[str, int]:
    with banks.world.pay.db.begin() as connection:
        rows = connection.execute(ledger_accounts.select()).all()
    return {row.code.partition(":")[2]: -row.posted_minor for row in rows if row.code.startswith("beneficiary_payable:")}


def wait(banks: Banks) -> None:
    for _ in range(6):
        banks.world.pay.clock.advance(seconds=60)  # type: ignore[attr-defined]  # the clock of tests
        banks.world.sweep()


@pytest.mark.rule("pay", "§9", "pay-design §7.1", "pay-design §4.2", "I2", "I5", "I7")
@pytest.mark.parametrize("child", [0, 1])
@pytest.mark.parametrize("fate", ["cut", "deaf", "dies"])
def test_a_refund_whose_call_was_lost_at_one_child_of_a_mall_ends_by_itself(banks: Banks, child: int, fate: str) -> None:
    banks.account("webpay", MALL)
    payment_id, token = paid(banks, allocations=SHARES)
    path, children = f"/v1/payments/{payment_id}/refunds", banks.webpay.transactions[token].details
    banks.wire.fates = ["", *[""] * child, fate]  # the status is asked, then there is a call for each child
    if fate == "dies":
        with pytest.raises(ProcessDied):
            banks.world.post(path, {"amount": 1450})
    else:
        banks.world.post(path, {"amount": 1450})
    assert len(banks.webpay.refunds) == child + (fate != "cut")
    wait(banks)
    assert [refund["status"] for refund in banks.world.get(path).get_json()["_embedded"]["refunds"]] == ["success"]
    assert banks.webpay.refunds == [(children[0].buy_order, 1000), (children[1].buy_order, 450)]
    assert owed(banks) == {"org-a": 9000, "org-b": 4050}
    assert_books_agree(banks)
    assert banks.world.post(path, {"amount": 13050}).get_json()["status"] == "success", "the next one begins where this one ended"
    assert owed(banks) == {"org-a": 0, "org-b": 0}
    assert_books_agree(banks)


@pytest.mark.rule("pay", "§9", "pay-design §7.1", "I2")
@pytest.mark.parametrize("child", [0, 1])
def test_where_one_child_refuses_a_refund_the_books_say_what_the_others_gave_back(banks: Banks, child: int) -> None:
    banks.account("webpay", MALL)
    payment_id, token = paid(banks, allocations=SHARES)
    path, given = f"/v1/payments/{payment_id}/refunds", 1000 * child
    banks.webpay.faults.append(f"refund refused {banks.webpay.transactions[token].details[child].buy_order}")
    made = banks.world.post(path, {"amount": 1450}).get_json()
    assert banks.world.get(f"{path}/{made['refund_id']}").get_json()["status"] == "error"
    listed = banks.world.get(path).get_json()["_embedded"]["refunds"]
    assert sorted((refund["status"], refund["amount"]) for refund in listed) == [("error", 1450), *([("success", 1000)] if child else [])]
    summary = banks.world.read(payment_id)["refund_summary"]
    assert (summary["amount_submitted"], summary["amount_available"]) == (given, 14500 - given)
    assert owed(banks) == {"org-a": 10000 - given, "org-b": 4500}
    assert_books_agree(banks)
    again = banks.world.post(path, {"amount": 14500 - given, "refund_amount_available": 14500 - given})
    assert again.get_json()["status"] == "success"
    assert sum(amount for _, amount in banks.webpay.refunds) == 14500
    assert_books_agree(banks)


@pytest.mark.rule("pay", "§8", "pay-design §7.1", "I7")
@pytest.mark.parametrize("fate", ["", "cut", "deaf"])
def test_a_held_mall_payment_that_is_cancelled_is_given_back_by_each_child(banks: Banks, fate: str) -> None:
    banks.account("webpay", MALL)
    payment_id, payer, token = start(banks, allocations=SHARES, delayed_capture=True)
    banks.back(payer, banks.webpay.pay(token, GOOD))
    banks.wire.fates = ["", fate]
    assert banks.world.post(f"/v1/payments/{payment_id}/cancel").status_code == 204
    wait(banks)
    assert banks.world.status(payment_id) == "P0040"
    children = [child.buy_order for child in banks.webpay.transactions[token].details]
    assert banks.webpay.refunds == [(children[0], 10000), (children[1], 4500)]
    assert_books_agree(banks)


@pytest.mark.rule("pay", "pay-design §7.1", "I2", "I7")
@pytest.mark.parametrize("fate", ["", "cut", "deaf"])
def test_where_one_child_is_declined_the_others_are_given_back(banks: Banks, fate: str) -> None:
    banks.account("webpay", MALL)
    payment_id, payer, token = start(banks, allocations=SHARES)
    back = banks.webpay.pay(token, GOOD)
    banks.webpay.transactions[token].details[1].response_code = -1
    banks.wire.fates = ["", fate]  # the commit, then the call that gives back
    banks.back(payer, back)
    wait(banks)
    assert banks.world.status(payment_id) == "P0010"
    assert [amount for _, amount in banks.webpay.refunds] == [10000]
    assert_books_agree(banks)


@pytest.mark.rule("pay", "pay-design §7.1", "pay-design §3", "I3")
def test_what_a_child_keeps_of_a_declined_payment_is_unexplained_money(banks: Banks) -> None:
    banks.account("webpay", MALL)
    payment_id, payer, token = start(banks, allocations=SHARES)
    back = banks.webpay.pay(token, GOOD)
    children = banks.webpay.transactions[token].details
    children[1].response_code = -1
    banks.webpay.faults.append(f"refund refused {children[0].buy_order}")
    banks.back(payer, back)
    assert banks.world.status(payment_id) == "P0050"
    (item,) = list_open(banks.world.pay, banks.world.till.account_id)
    assert (item.payment_id, item.channel, item.amount_minor) == (payment_id, "webpay", 10000)
    assert_books_agree(banks)


@pytest.mark.rule("pay", "pay-design §7.1")
def test_nobody_comes_back_with_an_address_that_was_never_given(banks: Banks) -> None:
    start(banks)
    for path in ("/providers/webpay/return/guessed", "/providers/nobody/return/x", "/providers/webpay/return/" + "a" * 26):
        assert banks.world.client().get(path).status_code == 403
        assert banks.world.client().post(path, data={"token_ws": "x"}).status_code == 403
