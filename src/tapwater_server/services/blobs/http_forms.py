"""The API of upload forms: a page's own form sends a file straight into a bucket."""

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from tapwater_server.model.blob import BLOB_BYTES_MAX, DEFAULT_TYPE, About
from tapwater_server.model.blob_names import check_about, parse_bucket
from tapwater_server.model.errors import Invalid, NotAllowed
from tapwater_server.ports.blobs import Naming
from tapwater_server.ports.clock import Clock
from tapwater_server.services.blobs.http import cause_of, count_stored, stored
from tapwater_server.services.blobs.http_signing import base_of, expiry
from tapwater_server.services.blobs.service import Blobs, Terms, check
from tapwater_server.services.blobs.shapes import FormAsked
from tapwater_server.services.blobs.signing import is_signed_text, sign_text
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Who
from tapwater_server.web.form_reader import read_form

_FILENAME = "${filename}"  # In a key, it stands for the name of the file, as in S3.


class Policy(msgspec.Struct):
    """What a form may do; it travels in the form, signed."""

    app: str
    bucket: str
    key: str
    prefix: str
    expires: int
    bytes_max: int
    content_type: str
    redirect: str


class FormsApi:
    """Signs forms for whoever may do everything, and takes what they send from anyone."""

    def __init__(self, *, blobs: Blobs, key: bytes, clock: Clock) -> None:
        self._blobs, self._key, self._clock = blobs, key, clock

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path="/blobs/-/form",
                says="Make the hidden fields with which a page's form may upload for a while.",
                handler=self._sign,
                takes=FormAsked,
            ),
            Endpoint(
                method="POST",
                path="/blobs/{bucket}",
                says="Take a file from a signed form; the file is its last field.",
                handler=self._take,
                who=Who.ANYONE,
                takes_media="multipart/form-data",
                status=201,
                body_bytes_max=BLOB_BYTES_MAX,
            ),
        )

    async def _sign(self, asked: Asked) -> dict[str, Any]:
        given = await asked.body(FormAsked)
        parse_bucket(given.bucket)
        check(Naming(bucket=given.bucket, key=given.key or f"{given.prefix}x"))
        if bool(given.key) == bool(given.prefix):
            raise Invalid("name the key the form may store under, or the prefix of it")
        if given.bytes_max < 0:
            raise Invalid("fewer bytes than none")
        check_about(About(content_type=given.content_type or DEFAULT_TYPE))
        policy = Policy(
            app=asked.app,
            bucket=given.bucket,
            key=given.key,
            prefix=given.prefix,
            expires=expiry(given.expires_s, self._clock),
            bytes_max=given.bytes_max,
            content_type=given.content_type,
            redirect=_checked_redirect(given.redirect),
        )
        text = base64.urlsafe_b64encode(msgspec.json.encode(policy)).decode()
        fields = {
            "key": given.key or given.prefix + _FILENAME,
            "policy": text,
            "signature": sign_text(text, self._key),
        }
        if given.content_type:
            fields["content-type"] = given.content_type
        url = f"{base_of(asked)}{asked.root}/blobs/{given.bucket}"
        return {"url": url, "fields": fields, "expires": policy.expires}

    async def _take(self, asked: Asked) -> Answer:
        form = await read_form(asked.headers.get("content-type", ""), asked.chunks())
        fields = form.fields
        policy = self._policy(fields)
        name = form.filename.replace("\\", "/").rpartition("/")[2]
        key = fields.get("key", "").replace(_FILENAME, name)
        kind = fields.get("content-type") or form.content_type or DEFAULT_TYPE
        if (policy.app, policy.bucket) != (asked.app, asked.params["bucket"]):
            raise NotAllowed("this form was signed for another place")
        if (policy.key and key != policy.key) or not key.startswith(policy.prefix):
            raise NotAllowed("this form may not store under this key")
        if policy.content_type and kind != policy.content_type:
            raise NotAllowed(f"this form takes {policy.content_type} and nothing else")
        blob = await self._blobs.put(
            asked.app,
            Naming(bucket=policy.bucket, key=key),
            form.chunks,
            about=About(content_type=kind),
            terms=Terms(bytes_max=policy.bytes_max or BLOB_BYTES_MAX),
            cause=cause_of(asked),
        )
        count_stored(asked, blob.size)
        if policy.redirect:
            return Answer(None, 303, {"location": policy.redirect})
        return stored(blob)

    def _policy(self, fields: dict[str, str]) -> Policy:
        """Read what the form may do.

        Raises:
            NotAllowed: it was not signed here, was changed, or has expired.
        """
        text = fields.get("policy", "")
        if not is_signed_text(text, fields.get("signature", ""), self._key):
            raise NotAllowed("the form is not signed, or was changed")
        try:
            policy = msgspec.json.decode(base64.urlsafe_b64decode(text), type=Policy)
        except (ValueError, msgspec.DecodeError):
            raise NotAllowed("the form was signed by another release") from None
        if self._clock.now() >= policy.expires:
            raise NotAllowed("this form has expired: load the page again")
        return policy


def _checked_redirect(url: str) -> str:
    """Where the browser goes afterwards; it is signed, so only who signs can name it."""
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > 2_000:
        raise Invalid("redirect must be a URL")
    return url
