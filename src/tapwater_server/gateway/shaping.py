"""What becomes of an answer's body on its way out: compressed or left as it is."""

from tapwater_server.gateway.answer import first
from tapwater_server.gateway.compression import choose_coding, compressible
from tapwater_server.model.invocation import Headers


def choose_shape(status: int, headers: Headers, accepted: bytes) -> tuple[Headers, bytes]:
    """Give the headers to send and the coding to use, b"" for none.

    >>> choose_shape(200, [(b"content-type", b"text/plain")], b"gzip")[1]
    b'gzip'
    """
    if not compressible(first(headers, b"content-type")) or first(headers, b"content-encoding"):
        return headers, b""
    if status == 206 or b"no-transform" in first(headers, b"cache-control"):
        return headers, b""
    varied = [*headers, (b"vary", b"accept-encoding")]
    coding = choose_coding(accepted) if accepted else b""
    if not coding:
        return varied, b""
    shaped = [_weakened(pair) for pair in varied if pair[0] != b"content-length"]
    return [*shaped, (b"content-encoding", coding)], coding


def _weakened(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """A strong ETag names exact bytes, and these will be others."""
    name, value = pair
    return (name, b"W/" + value) if name == b"etag" and value[:1] == b'"' else pair
