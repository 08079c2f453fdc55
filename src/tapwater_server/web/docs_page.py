"""The page to try an API: one file, no other origin, and a policy that allows just that."""

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

DOCS_PAGE = files("tapwater_server.web").joinpath("docs.html").read_bytes()


def _hashes(tag: bytes) -> bytes:
    found = re.findall(rb"<%b>(.*?)</%b>" % (tag, tag), DOCS_PAGE, re.DOTALL)
    return b" ".join(b"'sha256-%b'" % b64encode(sha256(text).digest()) for text in found)


CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'; script-src %b; style-src %b" % (_hashes(b"script"), _hashes(b"style"))
)
