"""Style sheets, fonts and pictures: read at start, served from memory under a name that changes with the content.

So a browser may keep them for a year, and a page never meets the style sheet of another version.
"""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass

from flask import Response, request

from shared.problems import NotFound
from shared.web.words import folder_of

KEEP_SECONDS = 365 * 24 * 3600
TYPES = {".css": "text/css; charset=utf-8", ".woff2": "font/woff2", ".svg": "image/svg+xml", ".js": "text/javascript; charset=utf-8"}
REFERENCE = re.compile(rb"""url\(["']?([A-Za-z0-9._-]+)["']?\)""")
WORTH_ZIPPING = (".css", ".svg", ".js")


@dataclass(frozen=True)
class Asset:
    """One file as it is served."""

    name: str
    content: bytes
    zipped: bytes | None
    media_type: str


class Assets:
    """The files in the `static` folders of some packages; later packages may not hide a name of earlier ones."""

    def __init__(self, *packages: str) -> None:
        """Read them all.  Raises: ValueError when two have the same name."""
        self._content: dict[str, bytes] = {}
        for package in packages:
            folder = folder_of(package, "static")
            for entry in folder.iterdir() if folder is not None else ():
                if entry.name in self._content:
                    raise ValueError(f"two static files are called {entry.name}")
                if entry.is_file() and not entry.name.endswith((".txt", ".py")):
                    self._content[entry.name] = entry.read_bytes()
        self._names: dict[str, str] = {}
        self._served: dict[str, Asset] = {}
        for name in self._content:
            self.name(name)

    def name(self, name: str) -> str:
        """Return the served name of a file.  Raises: KeyError."""
        if name not in self._names:
            content = REFERENCE.sub(self._refer, self._content[name]) if name.endswith(".css") else self._content[name]
            stem, dot, suffix = name.rpartition(".")
            served = f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}{dot}{suffix}"
            zipped = gzip.compress(content, 9, mtime=0) if name.endswith(WORTH_ZIPPING) else None
            media_type = TYPES.get(dot + suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
            self._names[name], self._served[served] = served, Asset(served, content, zipped, media_type)
        return self._names[name]

    def _refer(self, match: re.Match[bytes]) -> bytes:
        return b"url(" + self.name(match[1].decode()).encode() + b")"

    def size(self, name: str) -> int:
        """Return the bytes of a file as served without compression."""
        return len(self._served[self.name(name)].content)

    def respond(self, served: str) -> Response:
        """Answer the request for a served name.  Raises: NotFound."""
        asset = self._served.get(served)
        if asset is None:
            raise NotFound
        zipped = asset.zipped if asset.zipped and request.accept_encodings["gzip"] > 0 else None
        response = Response(zipped or asset.content, headers={"Cache-Control": f"public, max-age={KEEP_SECONDS}, immutable"})
        response.headers["Content-Type"] = asset.media_type
        if asset.zipped:
            response.headers["Vary"] = "Accept-Encoding"
        if zipped:
            response.headers["Content-Encoding"] = "gzip"
        return response
