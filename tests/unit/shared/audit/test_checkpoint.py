import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audit.checkpoint import NOTE_BYTES_MAX, BadCheckpoint, Checkpoint, Signer, Verifier, key_id, parse_checkpoint, split_note
from tests.unit.shared.audit import vectors

ROOT = bytes.fromhex(vectors.ROOT_OF_BOTH)
NOTE = (
    f"{vectors.ORIGIN}\n2\n{base64.b64encode(ROOT).decode()}\n\n"
    f"\N{EM DASH} {vectors.ORIGIN} {vectors.SIGNATURE}\n"
)  # fmt: skip


@pytest.fixture
def signer() -> Signer:
    return Signer(vectors.SEED, vectors.ORIGIN)


@pytest.fixture
def verifier() -> Verifier:
    return Verifier.parse(vectors.VERIFIER_KEY)


def test_wallet_10_2_checkpoint_note(signer: Signer) -> None:
    assert signer.sign(2, ROOT) == NOTE


def test_wallet_10_2_key_id_and_verifier_key(signer: Signer) -> None:
    assert signer.verifier.key_id.hex() == vectors.KEY_ID
    assert signer.verifier_key == vectors.VERIFIER_KEY


def test_wallet_10_2_the_note_opens_with_the_published_key(verifier: Verifier) -> None:
    assert verifier.open(NOTE) == Checkpoint(vectors.ORIGIN, 2, ROOT)


@given(st.integers(0, 10**18), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_what_is_signed_opens_and_with_no_other_key(size: int, root: bytes, seed: bytes) -> None:
    signer, other = Signer(seed, vectors.ORIGIN), Signer(bytes(31) + b"\x01", vectors.ORIGIN)
    note = signer.sign(size, root)
    assert signer.verifier.open(note) == Checkpoint(vectors.ORIGIN, size, root)
    with pytest.raises(BadCheckpoint):
        other.verifier.open(note)


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="ascii"))
def test_a_note_changed_anywhere_does_not_open(place: int, character: str) -> None:
    changed = NOTE[:place] + character + NOTE[place + 1 :]
    verifier = Verifier.parse(vectors.VERIFIER_KEY)
    if changed == NOTE:
        verifier.open(changed)
        return
    with pytest.raises(BadCheckpoint):
        verifier.open(changed)


def test_signatures_of_others_are_left_alone(signer: Signer, verifier: Verifier) -> None:
    other = Signer(b"\x07" * 32, "witness.example")
    line = other.sign(2, ROOT).rpartition("\n\n")[2]
    assert verifier.open(NOTE + line).size == 2
    assert verifier.open(NOTE.replace("\n\n", "\n\n" + line)).size == 2


def test_a_signature_by_the_right_name_and_a_wrong_key_does_not_open(verifier: Verifier) -> None:
    with pytest.raises(BadCheckpoint, match="not signed by the key"):
        verifier.open(Signer(b"\x07" * 32, vectors.ORIGIN).sign(2, ROOT))


def test_extensions_are_kept_and_signed(verifier: Verifier) -> None:
    text = Checkpoint(vectors.ORIGIN, 2, ROOT, ("extension",)).text()
    assert parse_checkpoint(text).extensions == ("extension",)
    with pytest.raises(BadCheckpoint, match="does not fit"):
        verifier.open(NOTE.replace("\n\n", "\nextension\n\n"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n2\n",
        f"origin\n02\n{base64.b64encode(ROOT).decode()}\n",
        f"origin\n-1\n{base64.b64encode(ROOT).decode()}\n",
        f"origin\n2\n{base64.b64encode(ROOT[:31]).decode()}\n",
        f"origin\n2\n{ROOT.hex()}\n",
        f"\n2\n{base64.b64encode(ROOT).decode()}\n",
        f"origin\r\n2\n{base64.b64encode(ROOT).decode()}\n",
        f"origin\n2\n{base64.b64encode(ROOT).decode()}",
        f"origin\n2\n{base64.b64encode(ROOT).decode()}\n\n",
        f"origin\n٢\n{base64.b64encode(ROOT).decode()}\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text without signatures\n",
        NOTE[:-1],
        NOTE.replace("\N{EM DASH}", "-"),
        NOTE.replace("\n\n", "\n"),
        NOTE + "\N{EM DASH} name\n",
        NOTE + "\N{EM DASH} name AAAA\n",
        NOTE + "\N{EM DASH} name !!!!\n",
        NOTE + 17 * f"\N{EM DASH} {vectors.ORIGIN} {vectors.SIGNATURE}\n",
        "a" * NOTE_BYTES_MAX + NOTE,
        "\ud800" + NOTE,
    ],
)
def test_a_malformed_note_is_refused(verifier: Verifier, note: str) -> None:
    with pytest.raises(BadCheckpoint):
        verifier.open(note)


def test_split_note_gives_text_and_signatures() -> None:
    text, signatures = split_note(NOTE)
    assert text == Checkpoint(vectors.ORIGIN, 2, ROOT).text()
    assert [(name, stated.hex(), len(value)) for name, stated, value in signatures] == [(vectors.ORIGIN, vectors.KEY_ID, 64)]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "wallet.example/log",
        vectors.VERIFIER_KEY.replace("ab06ff1e", "ab06ff1f"),
        vectors.VERIFIER_KEY.replace("wallet", "pay"),
        vectors.VERIFIER_KEY[:-4],
        vectors.VERIFIER_KEY.replace("+AT", "+BT"),
        "wallet example" + vectors.VERIFIER_KEY,
    ],
)
def test_a_malformed_verifier_key_is_refused(key: str) -> None:
    with pytest.raises(BadCheckpoint):
        Verifier.parse(key)


def test_a_key_with_a_plus_in_its_base64_is_read() -> None:
    for number in range(200):
        signer = Signer(number.to_bytes(32, "big"), "log.example")
        if signer.verifier_key.count("+") > 2:
            assert str(Verifier.parse(signer.verifier_key)) == signer.verifier_key
            return
    raise AssertionError("none of the keys had one")


def test_a_signer_hides_its_seed_and_wants_all_of_it() -> None:
    assert (b"\x55" * 32).hex() not in repr(Signer(b"\x55" * 32, vectors.ORIGIN))
    with pytest.raises(ValueError, match="32 bytes"):
        Signer(b"\x55" * 31, vectors.ORIGIN)
    with pytest.raises(ValueError, match="spaces"):
        Signer(b"\x55" * 32, "two words")


def test_key_id_depends_on_the_name() -> None:
    assert key_id("a", bytes(32)) != key_id("b", bytes(32))
