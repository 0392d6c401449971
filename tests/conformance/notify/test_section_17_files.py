"""Files as real programs write them, and files that are made to hurt: each is read or refused, and soon; notify-api §17."""

import base64
import io
import struct
import time
import zlib
from collections.abc import Callable

import pikepdf
import pypdf
import pytest

from notify.standards.letter_check import CheckedLetter, LetterRefused, check_letter
from tests.conformance.notify.test_section_04_precompiled import ADDRESS, GOOD

pytestmark = pytest.mark.rule("notify", "§17", "§4.4")
CPU_SECONDS_MAX = 15.0
"""A job that looks into a file has a lease of 120 s."""
Name = pikepdf.Name


def saved(pdf: pikepdf.Pdf, **how: object) -> bytes:
    out = io.BytesIO()
    pdf.save(out, **how)  # type: ignore[arg-type]
    return out.getvalue()


def opened() -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(GOOD))


def packed() -> bytes:
    """Objects in streams, the table of references a stream too (PDF 1.5)."""
    return saved(opened(), object_stream_mode=pikepdf.ObjectStreamMode.generate, compress_streams=True)


def linear() -> bytes:
    return saved(opened(), linearize=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def changed_later() -> bytes:
    """With a part at the end that says more about the page (an incremental update)."""
    writer = pypdf.PdfWriter(io.BytesIO(packed()), incremental=True)
    writer.add_metadata({"/Title": "Carta"})
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def scanned() -> bytes:
    """With a picture of the whole page, in colour at 300 dots an inch: 26 MB when unpacked."""
    pdf = opened()
    picture = pikepdf.Stream(pdf, zlib.compress(b"\xff" * (2480 * 3508 * 3)))
    for name, value in {"Width": 2480, "Height": 3508, "BitsPerComponent": 8}.items():
        picture[f"/{name}"] = value
    picture["/Subtype"], picture["/ColorSpace"], picture["/Filter"] = Name.Image, Name.DeviceRGB, Name.FlateDecode
    pdf.pages[0].Resources.XObject = pikepdf.Dictionary(Im0=pdf.make_indirect(picture))
    return saved(pdf, compress_streams=False)


@pytest.mark.parametrize("make", [packed, linear, changed_later, scanned])
def test_files_as_programs_write_them_are_read(make: Callable[[], bytes]) -> None:
    found = check_letter(make(), allow_international=False)
    assert found == CheckedLetter(1, found.address)
    assert found.address.lines == ADDRESS


def content(*filters: pikepdf.Name, data: bytes) -> bytes:
    pdf = opened()
    stream = pikepdf.Stream(pdf, data)
    stream["/Filter"] = pikepdf.Array(filters)
    pdf.pages[0].Contents = pdf.make_indirect(stream)
    return saved(pdf, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)


def of_tokens() -> bytes:
    return content(Name.FlateDecode, data=zlib.compress(b"0 " * 600_000))


def in_letters() -> bytes:
    data = base64.a85encode(zlib.compress(b"0 " * 30_000_000)) + b"~>"
    return content(Name.ASCII85Decode, Name.FlateDecode, data=data)


def twice_packed() -> bytes:
    return content(Name.FlateDecode, Name.FlateDecode, data=zlib.compress(zlib.compress(b"0 " * 60_000_000)))


def just_over() -> bytes:
    """Packed so well that the end is read before the limit is reached."""
    return content(Name.FlateDecode, data=zlib.compress(b"\n" * (5 * 1024 * 1024 + 1)))


def in_packed_objects() -> bytes:
    """Pages, each in an object stream of its own that becomes very large."""
    out, places = io.BytesIO(b"%PDF-1.5\n"), {}
    out.seek(0, io.SEEK_END)

    def put(number: int, body: bytes) -> None:
        places[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))

    pages = range(1000, 1003)
    put(1, b"<</Type/Catalog/Pages 2 0 R>>")
    put(2, b"<</Type/Pages/Count 3/Kids[%s]>>" % b" ".join(b"%d 0 R" % page for page in pages))
    for page in pages:
        head = b"%d 0 " % page
        data = zlib.compress(
            head + b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>" + b" " * (60 << 20 if page == 1000 else 6 << 20), 1
        )
        facts = b"<</Type/ObjStm/N 1/First %d/Filter/FlateDecode/Length %d>>stream\n" % (len(head), len(data))
        put(page - 990, facts + data + b"\nendstream")
    table, last = out.tell(), 1003
    rows = [
        struct.pack(">BIH", 1, places[n], 0)
        if n in places
        else struct.pack(">BIH", 2, n - 990, 0)
        if n in pages
        else struct.pack(">BIH", 0, 0, 0)
        for n in range(last)
    ]
    data = zlib.compress(b"".join([*rows, struct.pack(">BIH", 1, table, 0)]))
    facts = b"<</Type/XRef/Size %d/W[1 4 2]/Root 1 0 R/Filter/FlateDecode/Length %d>>stream\n" % (last + 1, len(data))
    out.write(b"%d 0 obj\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF" % (last, facts + data, table))
    return out.getvalue()


def in_itself() -> bytes:
    pdf = opened()
    pdf.Root.Pages.Kids.append(pdf.Root.Pages)
    return saved(pdf)


@pytest.mark.parametrize("make", [of_tokens, in_letters, twice_packed, just_over, in_packed_objects, in_itself])
def test_files_that_are_made_to_hurt_are_refused_soon(make: Callable[[], bytes]) -> None:
    pdf, began = make(), time.process_time()
    with pytest.raises(LetterRefused) as refused:
        check_letter(pdf, allow_international=False)
    assert refused.value.code == "unable-to-read-the-file"
    assert time.process_time() - began < CPU_SECONDS_MAX


def test_drawings_in_drawings_are_followed_a_few_hundred_times_and_no_more() -> None:
    pdf = opened()
    inner = pikepdf.Stream(pdf, b"BT /F 10 Tf 1 0 0 1 100 100 Tm (x) Tj ET")
    inner["/Subtype"], inner["/BBox"] = Name.Form, pikepdf.Array([0, 0, 595, 842])
    for _ in range(30):  # two to the thirtieth
        outer = pikepdf.Stream(pdf, b"/F0 Do /F0 Do")
        outer["/Subtype"], outer["/BBox"] = Name.Form, pikepdf.Array([0, 0, 595, 842])
        outer["/Resources"] = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F0=pdf.make_indirect(inner)))
        inner = outer
    pdf.pages[0].Resources.XObject = pikepdf.Dictionary(F0=pdf.make_indirect(inner))
    pdf.pages[0].contents_add(b"/F0 Do")
    began = time.process_time()
    assert check_letter(saved(pdf), allow_international=False).pages == 1
    assert time.process_time() - began < CPU_SECONDS_MAX
