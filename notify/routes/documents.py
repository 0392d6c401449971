"""Files by link: the page that a person comes to, and the document service's own calls.  Spec: notify-api §9."""

import uuid
from dataclasses import asdict

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import DocumentRefused, MessageNotValid, MessageRefused
from notify.operations.documents import PROOF_SECONDS, Facts, confirm, decoded_id, fetch, look_at
from notify.operations.storing import store_alone
from notify.routes.access import WritingKey, holder, once_of_request
from notify.schemas.person_shapes import FILE, FILE_ABOUT, FILE_KEY, FILE_PROOF, FILE_QUERY, FILE_REFUSED, FILE_STORED
from notify.schemas.shapes import ONCE
from notify.schemas.wire import parse_json
from notify.standards.email_address import InvalidEmailAddress, email_address
from notify.standards.mime import one_line
from notify.standards.wire_time import wire_time
from shared.access import PUBLIC, PUBLIC_PAGE
from shared.openapi import describes
from shared.routes import Routes
from shared.web import errors_of, gettext, page

documents = Routes("documents", __name__)
BODY_BYTES_MAX = 4 * 1024 * 1024
PROOF_COOKIE = "document_access_signed_data"
_REFUSED = dict.fromkeys((400, 403, 404, 410), FILE_REFUSED)
_SHOWN_INLINE = frozenset({"application/pdf", "text/plain", "image/png", "image/jpeg"})


@documents.get("/d/<service>/<document>", access=PUBLIC_PAGE)
def show(service: str, document: str) -> ResponseReturnValue:
    """Show what the file is and who sent it; where the sender wants it, ask for the e-mail address first."""
    try:
        facts = look_at(current(), decoded_id(service), decoded_id(document), request.args.get("key", ""))
    except DocumentRefused as fault:
        return _page("notify/file_refused.html", fault.status_code)
    return _ask(facts) if facts.confirm_email else _offer(facts)


@documents.post("/d/<service>/<document>", access=PUBLIC_PAGE)
def confirm_address(service: str, document: str) -> ResponseReturnValue:
    """Take the e-mail address that the file was sent to."""
    key, email = request.args.get("key", ""), request.form.get("email_address", "").strip()
    service_id, document_id = decoded_id(service), decoded_id(document)
    try:
        facts = look_at(current(), service_id, document_id, key)
    except DocumentRefused as fault:
        return _page("notify/file_refused.html", fault.status_code)
    try:
        proof = confirm(current(), service_id, document_id, key, email_address(email))
    except (InvalidEmailAddress, DocumentRefused):
        problem = gettext("Enter the e-mail address that this file was sent to") if email else gettext("Enter your e-mail address")
        return _ask(facts, 422, email=email, error_list=errors_of([("email_address", problem)]))
    return _remember(_offer(facts), facts, proof)


def _ask(facts: Facts, status: int = 200, **more: object) -> Response:
    return _page("notify/file_confirm.html", status, sender=_sender(facts), **({"error_list": []} | more))


def _offer(facts: Facts) -> Response:
    service = current().catalogue.find_service(facts.service_id)
    return _page(
        "notify/file.html",
        sender=_sender(facts),
        contact=service.contact_link if service else None,
        facts=facts,
        kind=facts.extension.lstrip(".").upper(),
        size=max(1, round(facts.size_bytes / 1024)),
        address=f"/services/{facts.service_id}/documents/{facts.id}{facts.extension}?key={request.args.get('key', '')}",
    )


def _page(template: str, status: int = 200, **values: object) -> Response:
    response = page(template, status, **values)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _sender(facts: Facts) -> str:
    service = current().catalogue.find_service(facts.service_id)
    return service.name if service else ""


def _remember(response: Response, facts: Facts, proof: str) -> Response:
    path, secure = f"/services/{facts.service_id}/documents/{facts.id}", current().settings.secure
    # Lax: a person comes to the file from the page, and no other site may use the proof for a request that changes something.
    for address in (path, path + facts.extension):
        response.set_cookie(PROOF_COOKIE, proof, max_age=PROOF_SECONDS, path=address, httponly=True, secure=secure, samesite="Lax")
    return response


@documents.get("/services/<uuid:service_id>/documents/<name>", access=PUBLIC)
@describes(query=FILE_QUERY, answers={200: {"type": "string", "format": "binary"}}, media_type="application/octet-stream")
def download(service_id: uuid.UUID, name: str) -> ResponseReturnValue:
    """Give the bytes of a file."""
    document_id = _id(name.partition(".")[0])
    facts, content = fetch(current(), service_id, document_id, request.args.get("key", ""), request.cookies.get(PROOF_COOKIE, ""))
    response = Response(content, content_type=facts.mimetype)
    inline = facts.mimetype in _SHOWN_INLINE
    response.headers.set("Content-Disposition", "inline" if inline else "attachment", filename=one_line(facts.filename))
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@documents.get("/services/<uuid:service_id>/documents/<document>/check", access=PUBLIC)
@describes(query=FILE_QUERY, answers={200: FILE_ABOUT, **_REFUSED})
def check(service_id: uuid.UUID, document: str) -> ResponseReturnValue:
    """Say what a file is, to who has its key."""
    key = request.args.get("key", "")
    facts = look_at(current(), service_id, _id(document), key)
    about = {
        "direct_file_url": _direct(facts, key),
        "confirm_email": facts.confirm_email,
        "size_in_bytes": facts.size_bytes,
        "file_extension": facts.extension.lstrip("."),
        "filename": facts.filename,
        "available_until": wire_time(facts.available_until),
    }
    return jsonify({"document": about})


@documents.post("/services/<uuid:service_id>/documents/<document>/authenticate", access=PUBLIC)
@describes(body=FILE_KEY, answers={200: FILE_PROOF, **_REFUSED, 429: FILE_REFUSED})
def authenticate(service_id: uuid.UUID, document: str) -> ResponseReturnValue:
    """Give a proof that the caller knows the address: `{key, email_address}`."""
    body = _object(request.get_data())
    key, email = body.get("key"), body.get("email_address")
    if not isinstance(key, str) or not key:
        raise DocumentRefused("Missing decryption key", status_code=400)
    if not isinstance(email, str) or not email:
        raise DocumentRefused("No email address", status_code=400)
    facts = look_at(current(), service_id, _id(document), key)
    try:
        address = email_address(email)
    except InvalidEmailAddress:
        raise DocumentRefused("Invalid email address", status_code=400) from None
    proof = confirm(current(), service_id, facts.id, key, address)
    return _remember(jsonify({"signed_data": proof, "direct_file_url": _direct(facts, key)}), facts, proof)


@documents.post("/services/<uuid:service_id>/documents", access=WritingKey())
@describes(body=FILE, answers={201: FILE_STORED, 400: FILE_REFUSED, 403: FILE_REFUSED}, headers=ONCE)
def store(service_id: uuid.UUID) -> ResponseReturnValue:
    """Keep a file: `{document, filename, is_csv, confirmation_email, retention_period}`."""
    request.max_content_length = BODY_BYTES_MAX
    if service_id != holder().service.id:
        raise DocumentRefused("Forbidden", status_code=403)
    try:
        stored = store_alone(current(), service_id, _object(request.get_data()), actor=f"api-key:{holder().key.id}", once=once_of_request())
    except (MessageNotValid, MessageRefused) as fault:
        raise DocumentRefused(fault.messages[0], status_code=400) from None
    return jsonify({"status": "ok", "document": asdict(stored)}), 201


def _object(raw: bytes) -> dict[str, object]:
    body = parse_json(raw) if raw.strip() else {}
    return body if isinstance(body, dict) else {}


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)  # nobody's


def _direct(facts: Facts, key: str) -> str:
    return f"{current().settings.public_url}/services/{facts.service_id}/documents/{facts.id}{facts.extension}?key={key}"
