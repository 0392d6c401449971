"""Files in rows and in a bucket: the same promises, against a server that speaks S3 and checks signatures."""

import pytest

from shared.files import FileGone, FileStore, InBucket, InRows
from shared.http import Outbound, Reply
from shared.s3 import Bucket, BucketAway
from tests.factories.buckets import REGION, S3Server, s3

__all__ = ["s3"]

EVERY = "\uffff"


@pytest.fixture(params=["rows", "bucket", "bucket in a folder", "rows, and a bucket behind"])
def store(request: pytest.FixtureRequest) -> FileStore:
    if request.param == "rows":
        return InRows()
    server: S3Server = request.getfixturevalue("s3")
    url = server.make_bucket() + ("/of/notify" if request.param == "bucket in a folder" else "")
    in_bucket = InBucket(server.bucket(url))
    return InRows(behind=in_bucket) if request.param.startswith("rows") else in_bucket


@pytest.mark.parametrize("content", [b"x", b"\x00\xff" * 40, b"\r\n--boundary", b"p" * 6_000_000], ids=["one", "binary", "lines", "large"])
def test_a_file_comes_back_byte_for_byte(store: FileStore, content: bytes) -> None:
    held = store.keep("letters/1", content)
    assert store.read("letters/1", held) == content


def test_files_do_not_get_mixed_up_and_keeping_twice_is_once(store: FileStore) -> None:
    held = {name: store.keep(name, name.encode()) for name in ("a/1", "a/2", "a/1", "a/1/2", "a b/ñ+%&?#=")}
    assert {name: store.read(name, each) for name, each in held.items()} == {name: name.encode() for name in held}


def test_forgetting_is_no_fault_when_nothing_is_there_and_twice(store: FileStore) -> None:
    store.keep("a/<&>", b"x")
    for _ in range(2):
        store.forget(["a/<&>", "a/never"])
    store.forget([])
    assert list(store.names("a/", before=EVERY)) == []


def test_what_a_row_holds_is_read_from_the_row(store: FileStore) -> None:
    """From before files were moved."""
    assert store.read("letters/old", b"in its row") == b"in its row"


def test_a_file_that_is_nowhere_is_said_to_be_gone(store: FileStore) -> None:
    with pytest.raises(FileGone):
        store.read("letters/none", b"")


@pytest.mark.parametrize("folder", ["", "/of/notify"])
def test_names_are_listed_in_order_between_two(s3: S3Server, folder: str) -> None:
    store = InBucket(s3.bucket(s3.make_bucket() + folder))
    for name in ("b/3", "b/1", "a/9", "b/2", "b/4", "c/1"):
        store.keep(name, b"x")
    assert list(store.names("b/", before="b/4")) == ["b/1", "b/2", "b/3"]
    assert list(store.names("b/", after="b/1", before=EVERY)) == ["b/2", "b/3", "b/4"]


def test_more_than_one_page_is_listed_and_deleted(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.s3.DELETED_AT_ONCE", 2)
    monkeypatch.setattr("shared.s3.LISTED_AT_ONCE", 2)
    store = InBucket(s3.bucket())
    for number in range(5):
        store.keep(f"n/{number}", b"x")
    assert list(store.names("n/", before=EVERY)) == [f"n/{number}" for number in range(5)]
    store.forget(store.names("n/", before="n/4"))
    assert list(store.names("n/", before=EVERY)) == ["n/4"]


def test_who_does_not_know_the_secret_is_refused(s3: S3Server) -> None:
    url = s3.make_bucket()
    for stranger in (s3.bucket(url, secret="wrong"), s3.bucket(url, key_id="AKIAUNKNOWNUNKNOWN00")):
        for call in (
            lambda b: b.put("a", b"x"),
            lambda b: b.get("a"),
            lambda b: b.delete(["a"]),
            lambda b: list(b.names("", before=EVERY)),
        ):
            with pytest.raises(BucketAway, match="403"):
                call(stranger)


def test_a_bucket_that_is_not_there_is_away_and_nothing_is_taken_for_gone(s3: S3Server) -> None:
    missing = s3.bucket(f"{s3.endpoint}/no-such-bucket")
    for call in (lambda: missing.put("a", b"x"), lambda: missing.get("a"), lambda: list(missing.names("", before=EVERY))):
        with pytest.raises(BucketAway):
            call()


@pytest.mark.parametrize("body", [b"", b"all is well", b'<!DOCTYPE x [<!ENTITY e "e">]><x>&e;</x>'], ids=["nothing", "no XML", "hostile"])
def test_an_answer_that_cannot_be_read_deletes_and_lists_nothing(body: bytes) -> None:
    class Lying(Outbound):
        def request(self, *_asked: object, **_how: object) -> Reply:
            return Reply(200, {}, body)

    lying = Bucket(Lying(), "https://store.example/b", region=REGION, key_id="k", secret="s")
    with pytest.raises(BucketAway):
        lying.delete(["a"])
    with pytest.raises(BucketAway):
        list(lying.names("", before=EVERY))


def test_a_private_address_is_not_called_unless_the_operator_names_it(s3: S3Server) -> None:
    unguarded = Bucket(Outbound(), s3.make_bucket(), region=REGION, key_id=s3.key_id, secret=s3.secret)
    with pytest.raises(BucketAway, match="OutboundRefused"):
        unguarded.put("a", b"x")
