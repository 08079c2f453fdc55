"""Addresses at which a zip file can be fetched for a while by whoever has them."""

import hmac
from hashlib import sha256

from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.ports.clock import Clock

NAMED = "code"  # Beside the ids of URLs, which are longer.
PATH = f"/_/aws/lambda-url/{NAMED}/"
LASTS_S = 600.0  # As on AWS.


class Links:
    """Makes and checks them. The key is the node's own."""

    def __init__(self, *, key: bytes, clock: Clock) -> None:
        self._key, self._clock = key, clock

    def make(self, asked: AwsAsked, digest: str) -> str:
        """Give an address on the host that the client asked."""
        until = int(self._clock.now() + LASTS_S)
        return f"{asked.scheme}://{asked.host}{PATH}{digest}-{until}-{self._mac(digest, until)}"

    def check(self, token: str) -> str:
        """Give the digest that an address names.

        Raises:
            AwsError: it is not ours, or too old.
        """
        digest, _, rest = token.partition("-")
        until, _, mac = rest.partition("-")
        if not until.isdecimal() or len(until) > 12:
            raise AwsError("AccessDenied", "Access Denied", 403)
        if not hmac.compare_digest(mac.encode(), self._mac(digest, int(until)).encode()):
            raise AwsError("AccessDenied", "Access Denied", 403)
        if self._clock.now() > int(until):
            raise AwsError("AccessDenied", "Request has expired", 403)
        return digest

    def _mac(self, digest: str, until: int) -> str:
        said = f"lambda code {digest} {until}".encode()
        return hmac.new(self._key, said, sha256).hexdigest()[:40]
