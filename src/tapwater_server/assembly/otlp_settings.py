"""What the operator says about the collector of telemetry."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from tapwater_server.services.otlp.encoding import PROTOCOLS


def check_otlp(values: Mapping[str, Any]) -> list[str]:
    """Complain of what cannot be meant."""
    complaints = []
    url = values.get("otlp_url", "")
    if url and not _is_address(url):
        complaints.append("otlp_url: it is no address such as http://127.0.0.1:4318")
    if values.get("otlp_protocol", PROTOCOLS[0]) not in PROTOCOLS:
        complaints.append(f"otlp_protocol: it is one of {', '.join(PROTOCOLS)}")
    if not 0.0 <= values.get("otlp_sample", 1.0) <= 1.0:
        complaints.append(f"otlp_sample: {values['otlp_sample']} is not between 0 and 1")
    try:
        read_headers(values.get("otlp_headers", ""))
    except ValueError as error:
        complaints.append(f"otlp_headers: {error}")
    return complaints


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return named and not (parts.query or parts.fragment or parts.username)


def read_headers(text: str) -> dict[str, str]:
    """Read headers as OTEL_EXPORTER_OTLP_HEADERS has them.

    >>> read_headers("authorization=Bearer a%2Cb, x-team = shop")
    {'authorization': 'Bearer a,b', 'x-team': 'shop'}

    Raises:
        ValueError: they are none. It does not show them: they are secret.
    """
    headers: dict[str, str] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name, value = name.strip().lower(), unquote(value.strip())
        fine = name.replace("-", "").replace("_", "").isalnum() and name.isascii()
        if not equals or not fine or not value.isascii() or not value.isprintable():
            raise ValueError("write them as name=value,name=value")
        headers[name] = value
    return headers
