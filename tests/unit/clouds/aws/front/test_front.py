"""The front: what botocore signs is let in, what is not right is refused in the service's words."""

import pytest
from botocore import auth
from botocore.credentials import Credentials

from tapwater_server.clouds.aws.front.keys import Session
from tapwater_server.model.ids import AppId
from tapwater_server.ports.meter import Asked
from tests.unit.clouds.aws.front.kit import (
    ACCOUNT,
    KEY,
    SECRET,
    World,
    presigned,
    request_of,
    scope_of,
    signed,
)

BARE = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "path",
    [
        "/photos/cat.jpg",
        "/photos/a%20b/%C3%BC/x%2By",
        "/photos//a/./b/../c",
        "/photos/a%2Fb?versioning&prefix=%2F&max-keys=2",
        "/photos/tilde~and(brackets)!",
        "/",
    ],
)
async def test_objects_of_any_name(path: str) -> None:
    world = World()
    said = await world.send(signed(request_of(BARE + path), "s3"))
    assert said.status == 200, said.body
    asked = world.services["s3"].asked[0]
    assert asked.path == path.partition("?")[0]
    assert asked.caller.arn == "arn:aws:iam::000000000000:root"
    assert said.headers["x-amz-request-id"] == asked.id
    said = await world.send(presigned(request_of(BARE + path)))
    assert said.status == 200, said.body


@pytest.mark.parametrize("by", [0, 1, 999])
async def test_bodies_whole_and_in_pieces(by: int) -> None:
    world, body = World(), bytes(range(256)) * 8
    put = signed(request_of(f"{BARE}/photos/a", method="PUT", body=body), "s3")
    assert (await world.send(put, by=by)).status == 200
    assert world.services["s3"].body == body
    put.data = body + b"x"
    said = await world.send(put, by=by)
    assert (said.status, said.code) == (400, "XAmzContentSHA256Mismatch")
    sent = request_of(BARE, method="POST", body=b"{}", headers={"x-amz-target": "AmazonSQS.X"})
    assert (await world.send(signed(sent, "sqs"), by=by)).status == 200
    assert world.services["sqs"].asked[0].whole == b"{}"
    sent.data = b"[]"
    said = await world.send(sent, by=by)
    assert (said.status, said.code) == (400, "InvalidSignatureException")


async def test_arns_in_paths_are_encoded_twice() -> None:
    world = World()
    path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af"
    said = await world.send(signed(request_of(BARE + path), "lambda", region="eu-west-1"))
    assert said.status == 200, said.body
    assert world.services["lambda"].asked[0].account.region == "eu-west-1"


@pytest.mark.parametrize(
    ("service", "target", "codes"),
    [
        ("s3", "", ("InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed")),
        ("iam", "", ("InvalidClientTokenId", "SignatureDoesNotMatch", "SignatureDoesNotMatch")),
        (
            "lambda",
            "",
            (
                "UnrecognizedClientException",
                "InvalidSignatureException",
                "InvalidSignatureException",
            ),
        ),
    ],
)
async def test_errors_are_the_services_own(
    service: str, target: str, codes: tuple[str, str, str]
) -> None:
    world = World()
    url = f"{BARE}/2015-03-31/functions"
    unknown = await world.send(signed(request_of(url), service, key="AKIANOBODY"))
    wrong = await world.send(signed(request_of(url), service, secret="x"))
    request = signed(request_of(url), service)
    world.clock.jump(901)
    late = await world.send(request)
    assert (unknown.code, wrong.code, late.code) == codes
    assert world.services[service].asked == []


async def test_who_does_not_sign_is_nobody() -> None:
    world = World()
    said = await world.send(request_of(f"{BARE}/2015-03-31/functions"))
    assert (said.status, said.code) == (403, "MissingAuthenticationTokenException")
    said = await world.send(request_of(f"{BARE}/photos/cat.jpg"))
    assert said.status == 200
    assert not world.services["s3"].asked[0].caller.known


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("AWS4-HMAC-SHA256 ", "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host", "AuthorizationHeaderMalformed"),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c,SignedHeaders=host,Signature=" + "0" * 64,
            "AuthorizationHeaderMalformed",
        ),
        ("AWS4-ECDSA-P256-SHA256 Credential=a/20260101/s3/aws4_request", "NotImplemented"),
    ],
)
async def test_broken_headers(authorization: str, code: str) -> None:
    world = World()
    headers = {
        "authorization": authorization,
        "x-amz-date": "20260101T000000Z",
        "host": "s3.localhost",
    }
    said = await world.send(request_of(f"{BARE}/photos/a", headers=headers))
    assert said.code == code


async def test_a_header_that_somebody_added_on_the_way() -> None:
    world = World()
    request = signed(request_of(f"{BARE}/photos/a", method="PUT"), "s3")
    request.headers["x-amz-acl"] = "public-read"
    said = await world.send(request)
    assert (said.status, said.code) == (403, "AccessDenied")
    assert b"<HeadersNotSigned>x-amz-acl</HeadersNotSigned>" in said.body


async def test_version_2_for_old_tools() -> None:
    world, credentials = World(), Credentials(KEY, SECRET)
    request = request_of(f"{BARE}/photos/a%20b?acl", headers={"x-amz-meta-a": "1"})
    auth.HmacV1Auth(credentials).add_auth(request)
    assert (await world.send(request)).status == 200
    request.headers["x-amz-meta-a"] = "2"
    assert (await world.send(request)).code == "SignatureDoesNotMatch"
    request = request_of(f"{BARE}/photos/a")
    auth.HmacV1QueryAuth(credentials, expires=60).add_auth(request)
    assert (await world.send(request)).status == 200
    world.clock.jump(61)
    assert (await world.send(request)).code == "AccessDenied"


async def test_sessions_need_their_token_and_end() -> None:
    world = World()
    until = world.clock.now() + 100
    lent = world.keys.lend(Session(home="aws", name="me", role="r/visitor", expires_at=until))

    def request(token: str | None) -> object:
        url = f"{BARE}/photos/a"
        return signed(request_of(url), "s3", key=lent.access_key, secret=lent.secret, token=token)

    good = request(lent.token)
    assert (await world.send(good)).status == 200
    assert world.services["s3"].asked[0].caller.arn.endswith("assumed-role/visitor/me")
    assert (await world.send(request(None))).code == "InvalidAccessKeyId"
    other = world.keys.lend(Session(home="shop", name="me", expires_at=until))
    assert (await world.send(request(other.token))).code == "InvalidAccessKeyId"
    world.clock.jump(101)
    assert (await world.send(good)).code == "ExpiredToken"


async def test_a_functions_keys_hold_as_long_as_its_revision() -> None:
    alive = {("f", "01")}
    world = World()
    world.keys._lives = lambda app, revision: (app, revision) in alive
    made = [
        world.keys.lend_to_function(
            ACCOUNT, arn="a", name="f", role="r/x", role_id="AROA", app=AppId("f"), revision="01"
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    pair = made[0]
    url = f"{BARE}/photos/a"
    request = signed(
        request_of(url), "s3", key=pair.access_key, secret=pair.secret, token=pair.token
    )
    assert (await world.send(request)).status == 200
    alive.clear()
    assert (await world.send(request)).code == "InvalidAccessKeyId"


async def test_in_dev_mode_any_key_is_good_but_not_for_pages_of_others() -> None:
    world = World(any_key=True)
    url = f"{BARE}/photos/a"
    assert (await world.send(signed(request_of(url), "s3", key="x", secret="y"))).status == 200
    own = {"origin": "http://localhost:3000"}
    assert (await world.send(signed(request_of(url, headers=own), "s3"))).status == 200
    for strange in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ):
        said = await world.send(signed(request_of(url, headers=strange), "s3"))
        assert said.code == "AccessDenied"


async def test_hosts_and_places() -> None:
    world = World()
    await world.send(signed(request_of("http://photos.s3.localhost:8080/cat.jpg"), "s3"))
    asked = world.services["s3"].asked[0]
    assert (asked.named, asked.path) == ("photos", "/cat.jpg")
    await world.send(request_of("http://abc123.lambda-url.us-east-1.localhost:8080/hello?x=1"))
    await world.send(request_of(f"{BARE}/_/aws/lambda-url/abc123/hello?x=1"))
    for asked in world.services["lambda-url"].asked:
        assert (asked.named, asked.path, asked.text("x")) == ("abc123", "/hello", "1")
    assert world.front.owns("photos.s3.localhost")
    assert world.front.owns("sqs.us-east-1.amazonaws.com")
    assert not world.front.owns("shop.localhost")
    assert world.front.answers(b"/photos/cat.jpg")
    assert not world.front.answers(b"/favicon.ico")


async def test_a_service_that_is_not_there() -> None:
    said = await World().send(signed(request_of(BARE), "glacier"))
    assert (said.status, said.code) == (501, "NotImplemented")


async def test_what_is_used_goes_to_the_accounts_home() -> None:
    world = World()
    service = world.services["s3"]
    await world.send(signed(request_of(f"{BARE}/photos/a", method="PUT", body=b"x"), "s3"))
    service.asked[0].count("blob_writes")
    assert await world.meter.records(Asked()) == []
    headers = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    await world.send(signed(request_of(f"{BARE}/photos/a", headers=headers), "s3"))
    (span,) = await world.meter.spans("a" * 32)
    assert (span.app, span.name, span.parent) == ("aws", "s3.GET /photos/a", "b" * 16)


async def test_a_query_that_is_no_text() -> None:
    world, scope = World(), scope_of(request_of(f"{BARE}/photos/a"))
    scope["query_string"] = b"a=%ff&X-Amz-Signature=1"
    request = request_of(f"{BARE}/photos/a?a=%ff")
    assert (await world.send(request)).code == "InvalidURI"


async def test_who_signs_twice_is_refused() -> None:
    world = World()
    request = signed(request_of(f"{BARE}/photos/a?X-Amz-Signature=00"), "s3")
    said = await world.send(request)
    assert (said.status, said.code) == (400, "InvalidArgument")


async def test_a_signature_for_another_service_opens_no_functions_url() -> None:
    world, url = World(), "http://abc.lambda-url.us-east-1.localhost:8080/"
    for service, known in (("lambda", True), ("sqs", False)):
        assert (await world.send(signed(request_of(url), service))).status == 200
        assert world.services["lambda-url"].asked[-1].caller.known is known


async def test_a_path_that_was_encoded_twice_is_another() -> None:
    world = World()
    request = signed(request_of(f"{BARE}/2015-03-31/functions/a%3Ab"), "lambda")
    assert (await world.send(request)).status == 200
    scope = scope_of(request)
    scope["raw_path"] = b"/2015-03-31/functions/a%253Ab"
    assert (await world.answer(scope, b"")).status == 403
