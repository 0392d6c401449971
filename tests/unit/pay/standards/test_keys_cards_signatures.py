"""Pure parts: keys, cards, signatures, ids, money, postings."""

import hashlib
import hmac
from base64 import b32hexencode
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pay.providers.base import Verdict
from pay.providers.sandbox import APPROVED_CARDS, judge
from pay.standards import ledger
from pay.standards.cards import MAESTRO, brand_of, holds_card_number, luhn_valid
from pay.standards.identifiers import ALPHABET, is_public_id
from pay.standards.keys import checksum, make_key, read_key, token_hash
from pay.standards.ledger import Book, Layer, Line, Posting, Share, Side, Source
from pay.standards.money import money
from pay.standards.signatures import retry_after, sign

SECRET = b"a secret"
tokens = st.builds(
    lambda prefix, rest: prefix + rest, st.sampled_from(["api_live_", "api_test_", ""]), st.text(ALPHABET, min_size=26, max_size=26)
)


@pytest.mark.rule("pay", "§2")
@given(tokens)
def test_a_key_is_its_token_and_a_checksum_of_32_characters(token: str) -> None:
    key = make_key(token, SECRET)
    assert key[-32:] == b32hexencode(hmac.new(SECRET, token.encode(), hashlib.sha1).digest()).decode().lower()
    assert 58 <= len(key) <= 67
    assert read_key(key, SECRET) == token
    assert read_key(key, b"another") is None


@pytest.mark.rule("pay", "§2", "A1")
@given(tokens, st.data())
def test_any_one_wrong_character_is_refused(token: str, data: st.DataObject) -> None:
    key = make_key(token, SECRET)
    place = data.draw(st.integers(0, len(key) - 1))
    other = data.draw(st.sampled_from([c for c in ALPHABET if c != key[place]]))
    assert read_key(key[:place] + other + key[place + 1 :], SECRET) is None


@pytest.mark.rule("pay", "§2")
@pytest.mark.parametrize("token", ["", "api_test_", "api_prod_" + "a" * 26, "a" * 25, "w" * 26, "A" * 26])
def test_a_right_checksum_does_not_excuse_a_wrong_form(token: str) -> None:
    assert read_key(token + checksum(token, SECRET), SECRET) is None


@pytest.mark.rule("pay", "§2")
def test_a_token_is_kept_as_a_keyed_hash() -> None:
    assert token_hash("t", SECRET) == hmac.new(SECRET, b"t", hashlib.sha256).digest()


@pytest.mark.rule("pay", "§18", "§6")
@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4444333322221111", "Visa"),
        ("4917610000000000003", "Visa"),
        ("5105105105105100", "Mastercard"),
        ("222100000000000", "Mastercard"),
        ("371449635398431", "American Express"),
        ("3566002020360505", "Jcb"),
        ("6011000990139424", "Discover"),
        ("36148900647913", "Diners Club"),
        ("6200000000000005", "Union Pay"),
        ("6759649826438453", "Maestro"),
    ],
)
def test_brands_of_the_sandbox_numbers(number: str, brand: str) -> None:
    found = brand_of(number)
    assert found is not None
    assert found.label == brand


@pytest.mark.rule("pay", "§18")
def test_every_sandbox_number_gets_past_the_form_and_is_approved() -> None:
    assert len(APPROVED_CARDS) == 20
    for number in APPROVED_CARDS:
        assert luhn_valid(number), number
        assert brand_of(number) not in {None, MAESTRO}, number
        assert judge(number) == (Verdict.APPROVED, "")


@given(st.text("0123456789", min_size=11, max_size=18), st.integers(0, 17), st.integers(1, 9))
def test_luhn_finds_any_one_wrong_digit(stem: str, place: int, change: int) -> None:
    number = next(stem + str(last) for last in range(10) if luhn_valid(stem + str(last)))
    place %= len(number)
    wrong = number[:place] + str((int(number[place]) + change) % 10) + number[place + 1 :]
    assert not luhn_valid(wrong)


@pytest.mark.parametrize("text", ["", "42x", "４２４２", "-1"])
def test_luhn_takes_digits_only(text: str) -> None:
    assert not luhn_valid(text)


@pytest.mark.rule("pay", "pay-design §5")
def test_a_text_that_holds_a_card_number_is_known() -> None:
    assert holds_card_number("4242 4242 4242")
    assert not holds_card_number("Los Aromos 12, depto 1234")


@pytest.mark.rule("pay", "§15")
def test_signature_by_an_independent_implementation() -> None:
    # echo -n '{}' | openssl dgst -sha256 -hmac key
    assert sign(b"{}", "key") == hmac.new(b"key", b"{}", "sha256").hexdigest()
    assert sign("ñ".encode(), "webhook_test_x").islower()


@pytest.mark.rule("pay", "A15", "§15")
def test_waits_between_attempts() -> None:
    waits = [retry_after(failures) for failures in range(1, 7)]
    assert waits == [timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1), timedelta(days=1), timedelta(days=2), None]


@pytest.mark.parametrize(
    ("value", "is_id"), [("0" * 26, True), ("v" * 26, True), ("w" * 26, False), ("0" * 25, False), ("0" * 26 + "\n", False)]
)
def test_form_of_ids(value: str, is_id: bool) -> None:
    assert is_public_id(value) is is_id


@pytest.mark.parametrize(
    ("amount", "currency", "text"), [(14500, "CLP", "$14.500"), (14500, "GBP", "£145.00"), (1, "GBP", "£0.01"), (0, "CLP", "$0")]
)
def test_money_as_people_read_it(amount: int, currency: str, text: str) -> None:
    assert money(amount, currency) == text


@pytest.mark.rule("pay", "I1", "pay-design §3")
@given(st.integers(1, 10**12))
def test_every_posting_balances_and_resolves_what_it_reserved(amount: int) -> None:
    book = Book("sandbox", "a", "org", "CLP")
    shares = (Share("org", amount), Share("other", 7, "stamp"))
    cycle = [ledger.authorised(book, "p", shares), ledger.captured(book, "p", shares)]
    cycle += [ledger.refund_requested(book, "p", "r", shares), ledger.refund_confirmed(book, "p", "r", shares)]
    left: dict[tuple[str, Layer], int] = {}
    for posting in cycle:
        assert ledger.is_balanced(posting.lines)
        for line in posting.lines:
            key = (line.account.code, line.layer)
            left[key] = left.get(key, 0) + (line.amount_minor if line.side is Side.DEBIT else -line.amount_minor)
    assert not any(left.values()), "all that was taken went back"


@pytest.mark.rule("pay", "I1")
def test_a_posting_out_of_balance_cannot_be_made() -> None:
    account = Book("sandbox", "a", "org", "CLP").channel_receivable
    with pytest.raises(ValueError, match="balance"):
        Posting(Source.AUTHORISED, "p", "p", "CLP", (Line(account, Side.DEBIT, Layer.POSTED, 1),))
