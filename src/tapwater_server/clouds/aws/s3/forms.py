"""PostObject: files that browsers send with a form, allowed by a signed policy."""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.s3.call import Call
from tapwater_server.clouds.aws.s3.describing import about_of
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.form_policy import Sizes, check_policy
from tapwater_server.clouds.aws.s3.markup import MarkupError, document, read, tag
from tapwater_server.clouds.aws.s3.places import Place
from tapwater_server.clouds.aws.s3.stores import Judge, Means, Taking
from tapwater_server.clouds.aws.s3.sums import DEFAULT, judge_of, wanted
from tapwater_server.clouds.aws.s3.tags import read_tags
from tapwater_server.clouds.aws.s3.writing import PUT_BYTES_MAX, Writing, stored_headers
from tapwater_server.model.blob import About, Blob, Draft
from tapwater_server.model.errors import Invalid, TooLarge
from tapwater_server.ports.blobs import Naming
from tapwater_server.web.form_reader import Form, read_form

_STATUSES = {"200": 200, "201": 201, "204": 204}


class Signer(Protocol):
    """Whose key a form was signed with."""

    @property
    def caller(self) -> Caller: ...
    @property
    def secret(self) -> str: ...
    @property
    def token(self) -> str: ...
    @property
    def expires_at(self) -> float | None: ...
    @property
    def active(self) -> bool: ...


class Signers(Protocol):
    """Where keys are looked up."""

    def find(self, access_key: str, token: str) -> Signer | None: ...


class Forms:
    """Takes the files of forms."""

    def __init__(self, means: Means, writing: Writing, signers: Signers) -> None:
        self._means, self._writing, self._signers = means, writing, signers

    async def post(self, call: Call) -> AwsAnswer:
        form = await self._read(call)
        fields = {name.lower(): value for name, value in form.fields.items()}
        if any(
            min(map(ord, value), default=32) < 32
            for name, value in fields.items()
            if name not in ("policy", "tagging")
        ):
            raise refuse("InvalidArgument", "Fields of a form hold no control signs")
        key = fields.get("key", "")
        if not key:
            raise refuse("UserKeyMustBeSpecified")
        call.key = key.replace("${filename}", form.filename.rpartition("/")[2])
        fields["key"] = call.key
        sizes = Sizes()
        if "policy" in fields:
            self._sign(call, fields)
            checked = {**fields, "bucket": call.bucket}
            sizes = check_policy(fields["policy"], checked, now=self._means.clock.now())
        place = await self._means.place(call)
        blob = await self._store(call, place, form, fields, sizes)
        call.asked.count("blob_writes")
        call.asked.count("blob_bytes_in", blob.size)
        return _answer(call, fields, blob, versioned=place.versioned)

    async def _read(self, call: Call) -> Form:
        try:
            return await read_form(
                call.headers.get("content-type", ""), call.asked.body(), called="file"
            )
        except (Invalid, TooLarge) as error:
            raise refuse("MalformedPOSTRequest", error.message) from None

    def _sign(self, call: Call, fields: Mapping[str, str]) -> None:
        """Say who signed the form; the request is theirs.

        Raises:
            AwsError: nobody did, or the signature is not good.
        """
        access_key = (
            fields.get("awsaccesskeyid") or fields.get("x-amz-credential", "").split("/")[0]
        )
        said = fields.get("signature") or fields.get("x-amz-signature", "")
        if not access_key or not said:
            raise refuse("InvalidArgument", "Bucket POST must contain a field named 'signature'.")
        signer = self._signers.find(access_key, fields.get("x-amz-security-token", ""))
        now = self._means.clock.now()
        if signer is None or not signer.active or (signer.expires_at or now) < now:
            raise refuse("InvalidAccessKeyId", AWSAccessKeyId=access_key)
        right = _signature(signer.secret, fields)
        token = fields.get("x-amz-security-token", "")
        fits = hmac.compare_digest(right.encode(), said.encode()) and token == signer.token
        if signer.secret and not fits:
            raise refuse("SignatureDoesNotMatch")
        call.asked.caller = signer.caller
        call.who = self._means.people.of(signer.caller)

    async def _store(
        self, call: Call, place: Place, form: Form, fields: Mapping[str, str], sizes: Sizes
    ) -> Blob:
        headers = _headers(fields, form)
        call.asked.headers = headers
        about = self._about(call, place, headers, fields)
        name = wanted(headers) or DEFAULT
        most = PUT_BYTES_MAX if sizes.most is None else sizes.most
        taking = Taking(
            about=about,
            wanted=(name,),
            bytes_max=most,
            judge=_judge(judge_of(headers, dict, name, None), sizes.least),
        )
        naming = Naming(bucket=call.bucket, key=call.key)
        return await self._means.store.put(call.app, naming, form.chunks, taking, call.cause)

    def _about(
        self, call: Call, place: Place, headers: Mapping[str, str], fields: Mapping[str, str]
    ) -> About:
        about = about_of(headers)
        if "tagging" in fields:
            try:
                about = replace(about, tags=read_tags(read(fields["tagging"].encode()), most=10))
            except MarkupError:
                raise refuse("MalformedXML") from None
        self._writing.allow(call, place, about)
        return self._writing.owned(call, place, about)


def _headers(fields: Mapping[str, str], form: Form) -> dict[str, str]:
    """Say as headers what the fields say."""
    found = dict(fields)
    if "acl" in fields:
        found["x-amz-acl"] = fields["acl"]
    if "content-type" not in fields and form.content_type:
        found["content-type"] = form.content_type
    return found


def _judge(whole: Judge, least: int) -> Judge:
    def judge(draft: Draft) -> None:
        if draft.size < least:
            raise refuse("EntityTooSmall", ProposedSize=str(draft.size), MinSizeAllowed=str(least))
        whole(draft)

    return judge


def _signature(secret: str, fields: Mapping[str, str]) -> str:
    """Sign the policy of a form, as version 2 or 4 does."""
    policy = fields["policy"].encode()
    if "x-amz-signature" not in fields:
        return b64encode(hmac.digest(secret.encode(), policy, "sha1")).decode()
    key = f"AWS4{secret}".encode()
    for part in fields.get("x-amz-credential", "").split("/")[1:]:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, policy, sha256).hexdigest()


def _answer(call: Call, fields: Mapping[str, str], blob: Blob, *, versioned: bool) -> AwsAnswer:
    where = f"{call.asked.scheme}://{call.asked.host}/{call.bucket}/{quote(call.key)}"
    headers = [*stored_headers(blob, versioned=versioned), ("location", where)]
    redirect = fields.get("success_action_redirect") or fields.get("redirect")
    if redirect:
        to = _redirected(redirect, call, blob)
        return AwsAnswer(status=303, headers=[*headers[:-1], ("location", to)])
    status = _STATUSES.get(fields.get("success_action_status", ""), 204)
    if status != 201:
        return AwsAnswer(status=status, headers=headers)
    inner = tag("Location", where) + tag("Bucket", call.bucket)
    inner += tag("Key", call.key) + tag("ETag", f'"{blob.etag}"')
    return AwsAnswer(
        status=201,
        headers=[("content-type", "application/xml"), *headers],
        body=document("PostResponse", inner, namespace=False),
    )


def _redirected(to: str, call: Call, blob: Blob) -> str:
    parts = urlsplit(to)
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        ("bucket", call.bucket),
        ("key", call.key),
        ("etag", f'"{blob.etag}"'),
    ]
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))
