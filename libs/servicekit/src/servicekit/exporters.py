"""Sends traces and metrics to a collector by OTLP over HTTP.

Apart from `telemetry`, because a process without a collector does without a quarter of a second of imports.
"""

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

from servicekit.settings import ServiceSettings


def install_exporters(settings: ServiceSettings, endpoint: str) -> None:
    """Install the providers of traces and metrics for the whole process.

    `Tracing` decides for each piece of work; what happens outside any, such as a relay's polling, is not recorded.
    """
    resource = Resource.create({"service.name": settings.SERVICE, "deployment.environment": settings.environment})
    traces = TracerProvider(resource=resource, sampler=ParentBased(ALWAYS_OFF))
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    trace.set_tracer_provider(traces)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{endpoint}/v1/metrics"))
    metrics.set_meter_provider(MeterProvider([reader], resource=resource))
