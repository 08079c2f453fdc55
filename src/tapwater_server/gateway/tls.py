"""The certificate: read at the start, read again when its files change, refused when it is bad."""

import logging
import os
import ssl

_log = logging.getLogger(__name__)


class Certificate:
    """A TLS context whose certificate can be replaced while it is in use."""

    def __init__(self, certificate: str, key: str) -> None:
        self._certificate, self._key = certificate, key
        self.context = _context()
        self.failures = 0
        self._seen = self._stamp()
        self.context.load_cert_chain(certificate, key)

    def reload(self) -> bool:
        """Read the files again; new connections get what they hold. Blocks: call it on a thread."""
        try:
            # On a context of its own first: a bad pair would leave the real one half changed.
            _context().load_cert_chain(self._certificate, self._key)
            self.context.load_cert_chain(self._certificate, self._key)
        except (OSError, ssl.SSLError) as error:
            self.failures += 1
            _log.error("certificate_not_reloaded", extra={"reason": str(error)})
            return False
        return True

    def reload_if_changed(self) -> None:
        """Read the files again if one of them is another than before."""
        stamp = self._stamp()
        if stamp and stamp != self._seen:
            self._seen = stamp
            self.reload()

    def _stamp(self) -> tuple[tuple[int, int, int], ...]:
        try:
            found = [os.stat(path) for path in (self._certificate, self._key)]
        except OSError:
            return ()  # Just being replaced.
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in found)


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
