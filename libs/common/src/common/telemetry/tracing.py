"""Traces: one W3C string follows the work; real spans exist only where a collector does."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import Token
from types import TracebackType
from typing import Literal, Protocol

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common.contracts.trace import (
    HEADER,
    accept_traceparent,
    current_traceparent,
)
from common.errors import ParleyError

Kind = Literal["server", "client", "producer", "consumer", "internal"]
Attributes = Mapping[str, str | int | float | bool]

_KINDS = {
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
    "internal": trace.SpanKind.INTERNAL,
}
_PROPAGATOR = TraceContextTextMapPropagator()


class _Provider(Protocol):
    """What we need of the SDK's tracer provider, which is imported only when used."""

    def shutdown(self) -> None: ...


class _Exporting:
    """Whether spans are made; one per process, because OpenTelemetry's provider is too."""

    tracer: trace.Tracer | None = None
    provider: _Provider | None = None


def configure_tracing(service: str, endpoint: str | None) -> None:
    """Begin to export spans to a collector (OTLP over HTTP); without an endpoint, do nothing.

    Args:
        service: becomes `service.name`.
        endpoint: the collector's base address, such as `http://collector:4318`.
    """
    if endpoint is None or _Exporting.tracer is not None:
        return
    # Imported here: SDK, exporter and protobuf are 20 MiB that most processes never need.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - see above
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - see above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - see above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - see above

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    export_to(provider.get_tracer("parley"), provider)


def export_to(tracer: trace.Tracer | None, provider: _Provider | None = None) -> None:
    """Make spans with this tracer from now on; None stops it."""
    _Exporting.tracer = tracer
    _Exporting.provider = provider


def stop_tracing() -> None:
    """Send what is still waiting and stop."""
    provider, _Exporting.provider, _Exporting.tracer = _Exporting.provider, None, None
    if provider is not None:
        provider.shutdown()


def span(
    name: str,
    traceparent: str | None = None,
    *,
    kind: Kind = "internal",
    attributes: Attributes | None = None,
) -> AbstractContextManager[str]:
    """Do a piece of work inside a trace; gives the traceparent that the work carries on.

    Args:
        name: such as `whatsapp.messages.v1 process`.
        traceparent: of the message or request that caused the work; by default the current one.
        kind: the role, as OpenTelemetry names it.
        attributes: facts about the work; never a payload, never a secret.
    """
    parent = accept_traceparent(traceparent or current_traceparent.get())
    if _Exporting.tracer is None:
        return _Carried(parent)
    return _Traced(_Exporting.tracer, name, parent, _KINDS[kind], attributes)


class _Carried:
    """No collector: only the string travels on."""

    __slots__ = ("_token", "_traceparent")

    def __init__(self, traceparent: str) -> None:
        self._traceparent = traceparent
        self._token: Token[str | None] | None = None

    def __enter__(self) -> str:
        self._token = current_traceparent.set(self._traceparent)
        return self._traceparent

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            current_traceparent.reset(self._token)


class _Traced:
    """A real span, child of the given traceparent."""

    def __init__(
        self,
        tracer: trace.Tracer,
        name: str,
        traceparent: str,
        kind: trace.SpanKind,
        attributes: Attributes | None,
    ) -> None:
        context = _PROPAGATOR.extract({HEADER: traceparent})
        self._span = tracer.start_span(name, context, kind, dict(attributes or {}))
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(self._span))
        self._carried = _Carried(carrier.get(HEADER, traceparent))

    def __enter__(self) -> str:
        return self._carried.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._carried.__exit__(kind, error, traceback)
        if error is not None:
            # The code and never the text: an exception's words may quote what they failed on.
            code = error.code if isinstance(error, ParleyError) else type(error).__name__
            self._span.set_status(trace.StatusCode.ERROR, code)
        self._span.end()
