"""Sends traces, logs and metrics to an OpenTelemetry collector, over OTLP/HTTP."""
