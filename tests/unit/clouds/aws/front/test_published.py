"""The examples that AWS has published of its signatures, byte by byte."""

from collections.abc import AsyncIterator

import pytest

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.front.checking import Checker, Head
from tapwater_server.clouds.aws.front.chunked import unchunked
from tapwater_server.clouds.aws.front.credentials import Credential
from tapwater_server.clouds.aws.front.keys import root_of
from tapwater_server.clouds.aws.front.reading import read_query
from tapwater_server.clouds.aws.front.signature import from_query, read_stamp
from tapwater_server.clouds.aws.front.troubles import Trouble, Troubled
from tapwater_server.model.ids import AppId
from tapwater_server.testing.clock import ManualClock

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
AT = read_stamp("20130524T000000Z") or 0.0
CREDENTIAL = f"Credential={KEY}/20130524/us-east-1/s3/aws4_request"
HOST = "examplebucket.s3.amazonaws.com"
DATE = {"x-amz-date": "20130524T000000Z"}
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
FIRST, SECOND = b"a" * 65536, b"a" * 1024


class OneKey:
    """Knows the key of the examples."""

    def __init__(self) -> None:
        account = Account(id="000000000000", home=AppId("aws"))
        self.nobody = root_of(account)

    def find(self, access_key: str, token: str) -> Credential | None:
        return Credential(caller=self.nobody, secret=SECRET) if access_key == KEY else None


def checker(at: float = AT) -> Checker:
    return Checker(credentials=OneKey(), clock=ManualClock(now=at))


def get(**headers: str) -> Head:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Head(
        method="GET",
        path="/test.txt",
        raw_query="",
        query=(),
        headers={"host": HOST, "x-amz-content-sha256": EMPTY, **DATE, **named},
    )


def authorization(signed: str, signature: str) -> str:
    return f"AWS4-HMAC-SHA256 {CREDENTIAL},SignedHeaders={signed},Signature={signature}"


GOOD = authorization(
    "host;range;x-amz-content-sha256;x-amz-date",
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
)


def test_get_object() -> None:
    head, check = get(range="bytes=0-9", authorization=GOOD), checker()
    claim = check.claim(head)
    check.compare(claim, head, claim.payload)
    other = get(range="bytes=0-8", authorization=GOOD)
    with pytest.raises(Troubled) as wrong:
        check.compare(check.claim(other), other, claim.payload)
    assert wrong.value.trouble is Trouble.MISMATCH


PRESIGNED = (
    f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY}%2F20130524%2Fus-east-1%2Fs3%2F"
    "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)


@pytest.mark.parametrize(
    ("later_s", "trouble"),
    [(0, None), (86_399, None), (86_401, Trouble.LATE), (-901, Trouble.EARLY)],
)
def test_presigned(later_s: float, trouble: Trouble | None) -> None:
    head = Head(
        method="GET",
        path="/test.txt",
        raw_query=PRESIGNED,
        query=read_query(PRESIGNED),
        headers={"host": HOST},
    )
    check = checker(AT + later_s)
    if trouble is None:
        claim = check.claim(head)
        check.compare(claim, head, claim.payload)
        return
    with pytest.raises(Troubled) as wrong:
        check.claim(head)
    assert wrong.value.trouble is trouble


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def put(*, trailer: bool) -> Head:
    signed = "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length"
    headers = {
        "host": "s3.amazonaws.com",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        **DATE,
    }
    if trailer:
        headers["x-amz-content-sha256"] = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
        headers["x-amz-trailer"] = "x-amz-checksum-crc32c"
        names = f"{signed};x-amz-storage-class;x-amz-trailer"
        seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    else:
        headers["x-amz-content-sha256"] = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        headers["content-length"] = "66824"
        names = signed.replace("host", "content-length;host") + ";x-amz-storage-class"
        seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    headers["authorization"] = authorization(names, seed)
    return Head(
        method="PUT",
        path="/examplebucket/chunkObject.txt",
        raw_query="",
        query=(),
        headers=headers,
    )


PLAIN = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
    + FIRST
    + b"\r\n400;chunk-signature="
    b"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"
    + SECOND
    + b"\r\n0;chunk-signature="
    b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
)
TRAILED = (
    b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n"
    + FIRST
    + b"\r\n400;chunk-signature="
    b"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n"
    + SECOND
    + b"\r\n0;chunk-signature="
    b"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
    b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)


async def read(body: bytes, *, trailer: bool, size: int = 66_560, by: int = 1000) -> bytes:
    head, check = put(trailer=trailer), checker()
    claim = check.claim(head)
    check.compare(claim, head, claim.payload)
    trailers: dict[str, str] = {}
    announced = ["x-amz-checksum-crc32c"] if trailer else []
    stream = unchunked(
        pieces(body, by),
        seal=check.seal(claim),
        size=size,
        trailers=trailers,
        announced=announced,
    )
    found = b"".join([part async for part in stream])
    assert trailers == ({"x-amz-checksum-crc32c": "sOO8/Q=="} if trailer else {})
    return found


@pytest.mark.parametrize("by", [1, 7, 70_000])
async def test_chunks(by: int) -> None:
    assert await read(PLAIN, trailer=False, by=by) == FIRST + SECOND


async def test_chunks_with_a_trailer() -> None:
    assert await read(TRAILED, trailer=True) == FIRST + SECOND


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (PLAIN.replace(b"aa\r\n0", b"ab\r\n0"), "SignatureDoesNotMatch"),
        (
            PLAIN.replace(b"0;chunk-signature=b6c", b"0;chunk-signature=b6d"),
            "SignatureDoesNotMatch",
        ),
        (PLAIN[:-200], "IncompleteBody"),
        (PLAIN.replace(b"10000;", b"-1000;", 1), "InvalidRequest"),
        (b"x" * 5000, "InvalidRequest"),
        (b"10001;chunk-signature=00\r\n" + FIRST + b"aX\n", "InvalidRequest"),
    ],
)
async def test_chunks_that_are_not_what_was_signed(body: bytes, code: str) -> None:
    with pytest.raises(AwsError) as wrong:
        await read(body, trailer=False)
    assert wrong.value.code == code


async def test_a_trailer_that_is_not_what_was_signed() -> None:
    with pytest.raises(AwsError) as wrong:
        await read(TRAILED.replace(b"sOO8", b"tOO8"), trailer=True)
    assert wrong.value.code == "SignatureDoesNotMatch"


async def test_more_or_less_than_was_said() -> None:
    for size in (66_559, 66_561):
        with pytest.raises(AwsError) as wrong:
            await read(PLAIN, trailer=False, size=size)
        assert wrong.value.code == "IncompleteBody"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (TRAILED.partition(b"x-amz-checksum")[0] + b"\r\n", "MalformedTrailerError"),
        (TRAILED.replace(b"x-amz-checksum-crc32c:", b"x-amz-checksum-crc32:"), "MalformedTrailer"),
        (TRAILED.partition(b"x-amz-trailer-signature")[0] + b"\r\n", "SignatureDoesNotMatch"),
        (TRAILED + b"more", "InvalidRequest"),
        (TRAILED.replace(b"signature:d81f", "signature:é".encode()), "SignatureDoesNotMatch"),
        (TRAILED.replace(b"10000;", b"0x10000;"), "InvalidRequest"),
        (TRAILED.replace(b"10000;", b" 10000;"), "InvalidRequest"),
    ],
)
async def test_trailers_that_are_not_what_was_announced(body: bytes, code: str) -> None:
    with pytest.raises(AwsError, match=code):
        await read(body, trailer=True)


async def test_only_the_last_chunk_is_small() -> None:
    body = b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
    with pytest.raises(AwsError, match="InvalidChunkSizeError"):
        async for _ in unchunked(pieces(body, 5), seal=None, size=2, trailers={}):
            pass


def test_what_is_not_ascii_is_no_signature() -> None:
    for signed in ("host;\u20ac", "host;x-amz-date;\u00e9"):
        with pytest.raises(Troubled) as wrong:
            from_query(
                [
                    ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
                    ("X-Amz-Credential", "AKIA/20130524/us-east-1/s3/aws4_request"),
                    ("X-Amz-Date", "20130524T000000Z"),
                    ("X-Amz-Expires", "60"),
                    ("X-Amz-SignedHeaders", signed),
                    ("X-Amz-Signature", "0" * 64),
                ]
            )
        assert wrong.value.trouble is Trouble.CREDENTIAL
