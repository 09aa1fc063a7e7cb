"""Traces by OpenTelemetry, if `OTEL_EXPORTER_OTLP_ENDPOINT` is set; FastAPI itself makes the spans.

One trace in ten unless `OTEL_TRACES_SAMPLER` says otherwise, and no spans for the steps inside of FastAPI: that is what
costs least. Exports over HTTP, as gRPC adds its own fifth of a second to each start.
"""

import os
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

_SHARE = 0.1

_provider: TracerProvider | None = None


def start(service: str) -> None:
    """Export spans from here on. It starts a thread, so after the fork of a worker."""
    global _provider
    # None: the SDK reads OTEL_TRACES_SAMPLER.
    sampler = None if "OTEL_TRACES_SAMPLER" in os.environ else ParentBasedTraceIdRatio(_SHARE)
    resource = Resource.create({} if "OTEL_SERVICE_NAME" in os.environ else {SERVICE_NAME: service})
    _provider = TracerProvider(sampler=sampler, resource=resource)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(_provider)


def without_operation_spans(app: Any) -> None:
    """Leave out the spans of validation and serialization, unless `OTEL_FASTAPI_OPERATION_SPANS` asks for them."""
    config = getattr(app, "_telemetry", None)
    if isinstance(config, dict) and "OTEL_FASTAPI_OPERATION_SPANS" not in os.environ:
        config["operation_spans"] = False


def flush() -> None:
    """Send what was not sent yet."""
    if _provider is not None:
        _provider.force_flush(2000)


def close() -> None:
    """Send what was not sent yet, and end."""
    if _provider is not None:
        _provider.shutdown()
