from collections.abc import Iterator

import pytest
from flask import Flask
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, format_trace_id

from shared import outbox, telemetry
from shared.access import PUBLIC
from shared.app import base_app, register
from shared.context import Context
from shared.http import Outbound, OutboundFailed
from shared.routes import Routes
from shared.tasks import Job, Jobs, run_all_leased, run_leased
from tests.unit.shared.conftest import make_settings

CALLER = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Journey-Id": "journey-1"}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    telemetry.start("toy", SimpleSpanProcessor(exporter), share=1.0)
    yield exporter
    telemetry.stop()


def toy(context: Context) -> Flask:
    app = base_app(context, import_name="shared")
    routes = Routes("toy", __name__, access=PUBLIC)

    @routes.get("/people/<run>")
    def show(run: str) -> str:
        with context.transaction() as tx:
            tx.enqueue("greet", {})
        try:
            Outbound(private_hosts=("127.0.0.1:1",)).request("GET", "http://127.0.0.1:1/people/11111111-1")
        except OutboundFailed:
            return "nobody there"
        return "somebody there"

    register(app, [routes])
    return app


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def test_request_call_and_job_are_spans_of_one_journey_without_a_value(context: Context, spans: InMemorySpanExporter) -> None:
    toy(context).test_client().get("/people/11111111-1", headers=CALLER)
    jobs: Jobs[Context] = Jobs()
    jobs.job("greet")(lambda _context, _job: None)
    with context.db.begin() as connection:
        (row,) = outbox.lease_due(connection, context.clock.now(), limit=1)
    run_leased(context, jobs, row.job, row.id, row.lease, runner="w")
    found = by_name(spans)
    assert set(found) == {"GET /people/<run>", "call GET 127.0.0.1", "job greet"}
    assert {span.attributes["andamio.journey_id"] for span in found.values() if span.attributes} == {"journey-1"}
    request, call = found["GET /people/<run>"], found["call GET 127.0.0.1"]
    assert format_trace_id(request.context.trace_id) == "0af7651916cd43dd8448eb211c80319c"
    assert call.parent is not None
    assert call.parent.span_id == request.context.span_id
    assert "11111111-1" not in "".join(span.to_json() for span in found.values())


def test_requests_of_one_journey_and_jobs_done_together_are_one_trace(context: Context, spans: InMemorySpanExporter) -> None:
    client = toy(context).test_client()
    for journey in ("journey-1", "journey-1", "journey-2"):
        client.get("/people/11111111-1", headers={"X-Journey-Id": journey})
    jobs: Jobs[Context] = Jobs()
    jobs.job("greet", together=lambda _context, _jobs: None)(lambda _context, _job: None)
    with context.db.begin() as connection:
        rows = outbox.lease_due(connection, context.clock.now(), limit=9)
    assert run_all_leased(context, jobs, "greet", [(row.id, row.lease) for row in rows], runner="w") == 3
    by_trace: dict[int, list[str]] = {}
    for span in spans.get_finished_spans():
        by_trace.setdefault(span.context.trace_id, []).append(span.name)
    assert sorted(by_trace[telemetry.trace_of("journey-1")]) == ["GET /people/<run>"] * 2 + ["call GET 127.0.0.1"] * 2 + ["job greet"] * 2
    assert sorted(by_trace[telemetry.trace_of("journey-2")]) == ["GET /people/<run>", "call GET 127.0.0.1", "job greet"]


def test_called_party_is_told_the_trace(spans: InMemorySpanExporter) -> None:
    assert telemetry.outgoing_headers() == {}
    with telemetry.span("outer"):
        assert "traceparent" in telemetry.outgoing_headers()
    assert [span.name for span in spans.get_finished_spans()] == ["outer"]


def test_an_error_is_told_by_its_kind_and_not_in_its_words(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="camila"), telemetry.span("outer"):
        raise ValueError("camila@example.com is nobody")
    (span,) = spans.get_finished_spans()
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, "ValueError", ())
    assert "camila" not in span.to_json()


def test_without_a_collector_there_are_no_spans(context: Context) -> None:
    telemetry.configure("toy", context.settings)
    assert not telemetry.enabled()
    with telemetry.span("nothing"):
        assert telemetry.outgoing_headers() == {}


def test_collector_of_the_settings_is_used() -> None:
    telemetry.configure("toy", make_settings("postgresql://localhost/x", "redis://localhost", otlp_endpoint="http://127.0.0.1:4318"))
    try:
        assert telemetry.enabled()
    finally:
        telemetry.stop()


def test_job_is_run_without_spans_too(context: Context) -> None:
    seen: list[Job] = []
    jobs: Jobs[Context] = Jobs()
    jobs.job("greet")(lambda _context, job: seen.append(job))
    with context.transaction() as tx:
        tx.enqueue("greet", {})
    with context.db.begin() as connection:
        (row,) = outbox.lease_due(connection, context.clock.now(), limit=1)
    run_leased(context, jobs, row.job, row.id, row.lease, runner="w")
    assert len(seen) == 1
