"""The small markdown of emails and letters, as blocks; written as HTML or as plain text.  Spec: notify-api §14.

Bold, italics, code and quotes are not formatting here, and raw HTML is text: a general parser would have to be bent at
every rule, so the rules are read by hand, one line after the other.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import count
from urllib.parse import quote

RULE_WIDTH = 65
_BULLET = re.compile(r"[*•-][ \t]+(?P<text>\S.*)")
_NUMBER = re.compile(r"[0-9]{1,9}[.)][ \t]+(?P<text>\S.*)")
_HEADING = re.compile(r"(?P<level>#{1,6})[ \t]+(?P<text>\S.*)")
_RULE = re.compile(r"(?:-{3,}|\*{3,})")
_INSET = re.compile(r"\^[ \t]*(?P<text>.*)")
# Nothing is given back, or the blanks between bars would be shared out in every way there is.
_TABLE_RULE = re.compile(r"\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-*+:?[ \t]*+)++")
_INLINE = re.compile(  # every repeat is bounded, so that no text makes it slow
    r"(?P<escape>\\[`*_(){}\[\]<>#+\-.!|\\])"
    r"|(?P<image>!\[[^\]\n]{0,1000}+\]\([^)\n]{0,2000}+\))"
    r"|(?P<link>\[(?P<text>[^\]\n]{1,1000}+)\]\((?P<href>[^)\s]{1,2000}+)(?:[ \t]{1,20}\"(?P<title>[^\"\n]{0,500})\")?\))"
    r"|(?P<url>https?://[^\s<>\"]+)"
)
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):")
_LINKABLE = frozenset({"http", "https", "mailto", "tel"})
_CURLY = {'"': "“”", "'": "‘’"}
_GOV_UK = re.compile(r"(?<![\w.@-])(gov)\.(uk)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Block:
    """A paragraph, heading, list, inset or rule with its lines (a list's items)."""

    kind: str  # p h2 h3 ul ol hr blockquote
    lines: tuple[str, ...] = ()


def blocks(source: str) -> list[Block]:
    """Read the markdown into blocks, in order."""
    lines = [line.strip() for line in source.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    found: list[Block] = []
    at = 0
    while at < len(lines):
        if not lines[at]:
            at += 1
            continue
        block, at = _block(lines, at)
        if block:
            found.append(block)
    return found


def _block(lines: list[str], at: int) -> tuple[Block | None, int]:
    line = lines[at]
    if heading := _HEADING.fullmatch(line):
        level = len(heading["level"])
        return Block({1: "h2", 2: "h3"}.get(level, "p"), (heading["text"].rstrip("# "),)), at + 1
    if _RULE.fullmatch(line):
        return Block("hr"), at + 1
    if _is_table(lines, at):
        while at < len(lines) and lines[at]:
            at += 1
        return None, at
    for kind, pattern in (("ul", _BULLET), ("ol", _NUMBER)):
        if pattern.fullmatch(line):
            return _list(kind, pattern, lines, at)
    if _INSET.fullmatch(line):
        return _inset(lines, at)
    end = at + 1
    while end < len(lines) and lines[end] and not _starts_block(lines, end):
        end += 1
    return Block("p", tuple(lines[at:end])), end


def _is_table(lines: list[str], at: int) -> bool:
    return "|" in lines[at] and at + 1 < len(lines) and bool(_TABLE_RULE.fullmatch(lines[at + 1]))


def _starts_block(lines: list[str], at: int) -> bool:
    return _is_table(lines, at) or any(pattern.fullmatch(lines[at]) for pattern in (_HEADING, _RULE, _BULLET, _NUMBER, _INSET))


def _list(kind: str, pattern: re.Pattern[str], lines: list[str], at: int) -> tuple[Block, int]:
    items: list[list[str]] = []
    end = at
    while at < len(lines):
        match = pattern.fullmatch(lines[at])
        if match:
            items.append([match["text"]])
            end = at + 1
        elif lines[at] and (at > end or _starts_block(lines, at)):  # text after a blank line, or another block, ends the list
            break
        elif lines[at]:
            items[-1].append(lines[at])
            end = at + 1
        at += 1
    return Block(kind, tuple("\n".join(item) for item in items)), end


def _inset(lines: list[str], at: int) -> tuple[Block, int]:
    inside: list[str] = []
    while at < len(lines) and lines[at]:
        match = _INSET.fullmatch(lines[at])
        inside.append(match["text"] if match else lines[at])
        at += 1
    return Block("blockquote", tuple(inside)), at


# --- typography ---


def typography(text: str, before: str = "") -> str:
    """Write quotes, dashes and spaces as printers do; `before` is the character the text follows."""
    text = re.sub(r"(?<![ \t])[ \t]++(?=[,.](?![0-9.]))", "", text)
    text = re.sub(r"(?<=\S)[ \t]+--?[ \t]+(?=\S)", " – ", text)
    out: list[str] = []
    for character in text:
        opening = not before or before.isspace() or before in "([{–—“‘"
        curly = _CURLY.get(character)
        before = curly[0 if opening else 1] if curly else character
        out.append(before)
    return "".join(out)


# --- inline parts ---


@dataclass(frozen=True)
class _Writer:
    text: Callable[[str], str]
    link: Callable[[str, str, str | None, str], str]  # text, href, title, source
    url: Callable[[str], str]


def _inline(source: str, writer: _Writer) -> str:
    out: list[str] = []
    plain: list[str] = []  # text gathered since the last link, so that quotes see their neighbours
    before = ""
    at = 0

    def flush() -> None:
        nonlocal before
        if text := "".join(plain):
            out.append(writer.text(typography(text, before)))
            before = text[-1]
        plain.clear()

    for match in _INLINE.finditer(source):
        plain.append(source[at : match.start()])
        at = match.end()
        if match["escape"]:
            plain.append(match["escape"][1])
        elif match["link"]:
            flush()
            out.append(writer.link(match["text"], match["href"], match["title"], match["link"]))
            before = "a"
        elif match["url"]:
            flush()
            address = match["url"].rstrip(".,;:!?'\")]*_")
            out.append(writer.url(address))
            plain.append(match["url"][len(address) :])
            before = "a"
    plain.append(source[at:])
    flush()
    return "".join(out)


def _address(href: str) -> tuple[str, bool]:
    scheme = _SCHEME.match(href)
    known = bool(scheme and scheme["scheme"].lower() in _LINKABLE)
    return quote(href if known else f"http://{href}", safe="/:?#[]@!$&'*+,;=%~-._"), known or not scheme


def _html_text(text: str) -> str:
    return _GOV_UK.sub("\\1.\u200b\\2", escape(text, quote=False)).replace("\n", "<br>")


def _html_link(text: str, href: str, title: str | None, _source: str) -> str:
    named = f' title="{escape(title)}"' if title else ""
    return f'<a href="{escape(_address(href)[0])}"{named}>{_html_text(typography(text))}</a>'


def _html_url(url: str) -> str:
    return f'<a href="{escape(_address(url)[0])}">{escape(url)}</a>'


def _plain_link(text: str, href: str, _title: str | None, source: str) -> str:
    return f"{text}: {href}" if _address(href)[1] else source


_HTML = _Writer(_html_text, _html_link, _html_url)
_PLAIN = _Writer(str, _plain_link, str)


def to_html(source: str) -> str:
    """Write HTML without styles; nothing of the source reaches it unescaped."""
    return "\n".join(_html_block(block) for block in blocks(source))


def _html_block(block: Block) -> str:
    if block.kind == "hr":
        return "<hr>"
    if block.kind in {"ul", "ol"}:
        return f"<{block.kind}>" + "".join(f"<li>{_inline(item, _HTML)}</li>" for item in block.lines) + f"</{block.kind}>"
    inner = _inline("\n".join(block.lines), _HTML)
    return f"<blockquote><p>{inner}</p></blockquote>" if block.kind == "blockquote" else f"<{block.kind}>{inner}</{block.kind}>"


def to_plain_text(source: str) -> str:
    """Write the part for readers without HTML, equal in meaning."""
    return "\n\n".join("\n".join(_plain_lines(block)) for block in blocks(source)).strip() + "\n"


def printable_blocks(source: str) -> list[dict[str, object]]:
    """Give the blocks for paper: `kind`, and `lines` (a list's items) in which a link shows its address."""
    found: list[dict[str, object]] = []
    for block in blocks(source):
        lines = block.lines if block.kind in {"ul", "ol"} else ("\n".join(block.lines),)
        found.append({"kind": block.kind, "lines": [_inline(line, _PLAIN) for line in lines]})
    return found


def _plain_lines(block: Block) -> Iterator[str]:
    if block.kind == "hr":
        yield ("=-" * RULE_WIDTH)[:RULE_WIDTH]
    elif block.kind == "ul":
        yield from (f"• {_inline(item, _PLAIN)}" for item in block.lines)
    elif block.kind == "ol":
        yield from (f"{number}. {_inline(item, _PLAIN)}" for number, item in zip(count(1), block.lines, strict=False))
    else:
        yield _inline("\n".join(block.lines), _PLAIN)
        if block.kind in {"h2", "h3"}:
            yield {"h2": "=", "h3": "-"}[block.kind] * RULE_WIDTH


def preheader(source: str) -> str:
    """Give what mail apps show beside the subject: the first 256 characters, on one line."""
    return " ".join(to_plain_text(source).split())[:256]
