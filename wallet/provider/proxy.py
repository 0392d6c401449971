"""A reverse proxy before a register that knows nothing of consents: checks, asks the register, and lets out what was granted.

The register is asked `POST upstream {"run", "fields"}` and answers `{"as_of", "fields"}`, or 404 for a person it does not hold.
What it answered is reported to the wallet. How to start it: docs/wallet/provider.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Flask, Response, jsonify, request

from shared.http import Outbound, OutboundError, OutboundTimeout
from wallet.provider.flask_guard import present_call, refusal
from wallet.provider.library import Allowed, Dataset, Provider, TokenRefused
from wallet.provider.reports import Answered

UPSTREAM_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A dataset and the address of the register behind it."""

    path: str
    dataset: Dataset
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def create_proxy(
    provider: Provider, upstreams: list[Upstream], *, http: Outbound, report: Callable[[Answered], None], timestamp: Callable[[], str]
) -> Flask:
    """Return the proxy; `report` is told of each answer and must not raise."""
    app = Flask("provider_proxy", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.register_error_handler(TokenRefused, refusal)
    for upstream in upstreams:
        app.add_url_rule(upstream.path, upstream.path, _view(provider, upstream, http, report, timestamp), methods=["POST"])
    return app


def _view(
    provider: Provider, upstream: Upstream, http: Outbound, report: Callable[[Answered], None], timestamp: Callable[[], str]
) -> Callable[[], Response]:
    def answer() -> Response:
        body = request.get_json(silent=True)
        run, fields = (body.get("run"), body.get("fields")) if isinstance(body, dict) else (None, None)
        if not isinstance(run, str) or not isinstance(fields, list) or not all(isinstance(one, str) for one in fields) or not fields:
            return _json({"error": "invalid_request"}, 400)
        subject = {"scheme": "cl-run", "value": run}
        allowed = provider.check(present_call(subject, frozenset(fields), upstream.dataset.endpoint), upstream.dataset)
        status, told = _ask(http, upstream, run, fields)
        outcome = {200: "released", 404: "no_record"}.get(status, "failed")
        report(_answered(allowed, upstream, subject, outcome, timestamp()))
        return _json(told, status)

    return answer


def _ask(http: Outbound, upstream: Upstream, run: str, fields: list[str]) -> tuple[int, Mapping[str, object]]:
    """Return the register's answer with the asked fields alone; what it may not say is dropped here."""
    try:
        reply = http.request(
            "POST", upstream.url, json={"run": run, "fields": fields}, headers=upstream.headers, timeout_seconds=UPSTREAM_SECONDS
        )
        if reply.status == 404:
            return 404, {"error": "no_record"}
        told = reply.json()
    except OutboundTimeout:
        return 504, {"error": "provider_timeout"}
    except OutboundError:
        return 502, {"error": "provider_error"}
    if reply.status != 200 or not isinstance(told, dict) or not isinstance(told.get("fields"), dict):
        return 502, {"error": "provider_error"}
    return 200, {"as_of": told.get("as_of"), "fields": {name: told["fields"].get(name) for name in fields}}


def _answered(allowed: Allowed, upstream: Upstream, subject: dict[str, str], outcome: str, at: str) -> Answered:
    return Answered(
        txn=allowed.txn,
        occurred_at=at,
        outcome=outcome,
        dataset_id=upstream.dataset.dataset_id,
        client_id=allowed.client_id,
        fields=sorted(allowed.fields),
        subject=subject,
    )


def _json(body: Mapping[str, object], status: int) -> Response:
    answer = jsonify(body)
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    return answer
