"""One request to S3, taken apart: who asks for what of which bucket and key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.post.lineage import chain_of
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import MarkupError, document, read
from tapwater_server.clouds.aws.s3.operations import Operation
from tapwater_server.clouds.aws.s3.people import Person
from tapwater_server.clouds.aws.s3.sums import check_body
from tapwater_server.model.blob import Cause
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import Naming

MARKUP_BYTES_MAX = 4 << 20  # Ten thousand parts with their checksums.


@dataclass(slots=True, kw_only=True)
class Call:
    """What handlers are given."""

    asked: AwsAsked
    operation: Operation
    bucket: str
    key: str
    who: Person
    query: Mapping[str, str] = field(default_factory=dict)  # the first of each name
    _body: bytes | None = None

    @property
    def account(self) -> Account:
        return self.asked.account

    @property
    def app(self) -> AppId:
        """Whose buckets are meant."""
        return self.asked.account.home

    @property
    def headers(self) -> Mapping[str, str]:
        return self.asked.headers

    @property
    def naming(self) -> Naming:
        return Naming(bucket=self.bucket, key=self.key, version=self.query.get("versionId", ""))

    @property
    def cause(self) -> Cause:
        """The chain that a change belongs to."""
        chain = chain_of(self.asked)
        return Cause(root=chain.root, depth=chain.depth, trace=chain.trace, how=self._how())

    def _how(self) -> str:
        """Say which kind of change this is, for those who are notified of it."""
        match self.asked.method:
            case "DELETE":
                return "delete"
            case "POST" if "uploadId" in self.query:
                return "complete"
            case "POST":
                return "delete" if "delete" in self.query else "post"
            case _:
                return "copy" if "x-amz-copy-source" in self.headers else "put"

    async def body(self) -> bytes:
        """Read the whole body; it may be asked for again.

        Raises:
            AwsError: it is not what the client said it would be, or too large.
        """
        if self._body is None:
            body = await self.asked.raw(bytes_max=MARKUP_BYTES_MAX)
            sums = self.operation.name != "CompleteMultipartUpload"  # Its checksum is the object's.
            check_body(self.headers, lambda: self.asked.trailers, body, sums=sums)
            self._body = body
        return self._body

    async def markup(self, root: str, *, code: str = "MalformedXML") -> Element:
        """Read the body as XML with this root.

        Raises:
            AwsError: it is something else.
        """
        body = await self.body()
        if not body and self.operation.name.startswith("Put"):
            raise refuse("MissingRequestBodyError")
        try:
            found = read(body)
        except MarkupError:
            raise refuse(code) from None
        if found.tag != root:
            raise refuse(code)
        return found


def xml(root: str, inner: str, *, headers: tuple[tuple[str, str], ...] = ()) -> AwsAnswer:
    """Answer with a document."""
    return AwsAnswer(
        headers=(("content-type", "application/xml"), *headers), body=document(root, inner)
    )


def done(status: int = 204, *headers: tuple[str, str]) -> AwsAnswer:
    """Answer without a body."""
    return AwsAnswer(status=status, headers=headers)
