"""What happens to a message in which span of which trace, for whoever collects traces.

spans    a span of a step, and what is handed on from it; without a collector, what came is
opening  whether there is a collector at all
export   the spans to a collector by OpenTelemetry's SDK, which nothing else knows and which is loaded for this alone

How a trace context looks on the wire is in schemas/headers/trace.py.
"""
