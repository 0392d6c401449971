"""OpenTelemetry traces, when `<SERVICE>_OTLP_ENDPOINT` is set; nothing at all otherwise.

One span a request, a job, a call to others and a mail handed over, marked with the journey id.  They are joined across services by
`traceparent`; where none comes with the work (a job, a new call of the same person) by the journey, of which the trace's id is made: a
journey is one trace, and all of it is sampled or nothing.  A span names routes, jobs and relays, never an address or a value; of an error
it names the kind.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from shared import trace
from shared.settings import ServiceSettings

SAMPLED_SHARE = 0.05

_tracer: Tracer | None = None


class _ByJourney(RandomIdGenerator):
    """Ids of traces that begin here."""

    def generate_trace_id(self) -> int:
        """Return the trace of the present journey; a new one outside any."""
        journey_id = trace.journey_id()
        return trace_of(journey_id) if journey_id else super().generate_trace_id()


def trace_of(journey_id: str) -> int:
    """Return the id of the trace of a journey, 128 bits."""
    return int.from_bytes(hashlib.sha256(journey_id.encode()).digest()[:16]) or 1


def configure(service: str, settings: ServiceSettings) -> None:
    """Send one trace in twenty to the collector of the settings, if there is one; a caller's own sampling is kept to."""
    if settings.otlp_endpoint and _tracer is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        start(service, BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint + "/v1/traces")), share=SAMPLED_SHARE)


def start(service: str, processor: SpanProcessor, *, share: float) -> None:
    """Give spans of this process to a processor, this share of the traces that begin here."""
    global _tracer  # noqa: PLW0603 - one tracer a process, as in OpenTelemetry itself
    provider = TracerProvider(
        resource=Resource({"service.name": service}), sampler=ParentBasedTraceIdRatio(share), id_generator=_ByJourney()
    )
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("andamio")


def stop() -> None:
    """Make no more spans."""
    global _tracer  # noqa: PLW0603 - as above
    _tracer = None


def enabled() -> bool:
    """True where spans are made."""
    return _tracer is not None


@contextmanager
def span(name: str, *, headers: Mapping[str, str] | None = None, kind: SpanKind = SpanKind.INTERNAL) -> Iterator[None]:
    """Do the work inside under a span that carries the journey id; `headers` continue a caller's trace."""
    if _tracer is None:
        yield
        return
    parent = extract({name.lower(): value for name, value in headers.items()}) if headers is not None else None
    # The words of an error may hold an address: only its kind is told.
    with _tracer.start_as_current_span(name, context=parent, kind=kind, record_exception=False, set_status_on_exception=False) as current:
        current.set_attribute("andamio.journey_id", trace.journey_id())
        try:
            yield
        except Exception as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def began() -> int:
    """Return this moment, for `ended`."""
    return time.time_ns()


def ended(name: str, moment: int, *, kind: SpanKind = SpanKind.INTERNAL) -> None:
    """Note what began at a moment and ends now, under the present journey: for what was done for several journeys at once."""
    if _tracer is not None:
        about = {"andamio.journey_id": trace.journey_id()}
        _tracer.start_span(name, kind=kind, start_time=moment, attributes=about).end()


def outgoing_headers() -> dict[str, str]:
    """Return the headers that let the called party continue the present trace."""
    carrier: dict[str, str] = {}
    if _tracer is not None:
        inject(carrier)
    return carrier
