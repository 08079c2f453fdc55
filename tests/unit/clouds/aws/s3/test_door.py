"""S3's door: whatever is asked gets an answer of S3's, and users of one account have their own."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.s3.markup import read
from tapwater_server.clouds.aws.s3.operations import _BUCKET, _OBJECT
from tapwater_server.ports.facts import Put
from tests.unit.clouds.aws.s3.kit import ACCOUNT, ROOT, Asking, text_of

NAMES = [*_BUCKET, *_OBJECT, "list-type", "prefix", "max-keys", "partNumber", "versionId", "marker"]
HEADERS = [
    "range", "if-match", "if-modified-since", "content-md5", "x-amz-acl", "x-amz-copy-source",
    "x-amz-tagging", "x-amz-checksum-crc32", "x-amz-grant-read", "x-amz-object-lock-mode",
    "x-amz-storage-class", "x-amz-object-attributes", "x-amz-copy-source-range", "origin",
    "x-amz-metadata-directive", "x-amz-trailer", "content-type", "x-amz-meta-a", "x-amz-max-parts",
]  # fmt: skip
SAID = st.one_of(
    st.sampled_from(["", "1", "-1", "²", "9" * 99, "2", "/b/k", "b/k?versionId=x", "url", "null"]),
    st.text(st.characters(max_codepoint=255), max_size=20),
)
BODIES = st.sampled_from(
    [
        b"",
        b"hello",
        b"<Delete><Object><Key>k</Key></Object></Delete>",
        b"<a>" * 5_000,
        b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        b"<AccessControlPolicy><Owner><ID>x</ID></Owner></AccessControlPolicy>",
        b"<LifecycleConfiguration><Rule><Status>Enabled</Status></Rule></LifecycleConfiguration>",
        b"<CompleteMultipartUpload><Part><PartNumber>\xc2\xb2</PartNumber></Part>"
        b"</CompleteMultipartUpload>",
        b'{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": 1}]}',
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]),
    path=st.sampled_from(
        ["/", "/b", "/b/", "/b/k", "/b/%ff", "/other/k", "/B", "/b/" + "k" * 2000]
    ),
    query=st.lists(st.tuples(st.sampled_from(NAMES), SAID), max_size=3),
    headers=st.dictionaries(st.sampled_from(HEADERS), SAID, max_size=3),
    body=BODIES,
    known=st.booleans(),
)
async def test_all_is_answered(
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    known: bool,
) -> None:
    asking = Asking()
    await asking.ask("PUT", "/b")
    await asking.ask("PUT", "/b/k", body=b"0123456789")
    caller = ROOT if known else Caller(account=ACCOUNT)
    answer = await asking.ask(method, path, query=query, headers=headers, body=body, caller=caller)
    assert 200 <= answer.status < 502
    if answer.status >= 400 and answer.body:
        assert read(answer.body).findtext("Code")
    for name, value in answer.headers:
        assert not set(value) & set("\r\n\0"), name


async def test_users_can_be_their_own() -> None:
    asking = Asking()
    for name in ("ann", "bob"):
        tags = {"s3-canonical-id": f"id-of-{name}", "s3-email": f"{name}@example.com"}
        await asking.facts.change(
            ACCOUNT.space, [Put(kind="iam/user", key=name, value={"tags": tags})]
        )
    ann, bob = (replace(ROOT, name=name, user=name) for name in ("ann", "bob"))
    await asking.ask("PUT", "/box", caller=ann)
    await asking.ask("PUT", "/box/a", body=b"1", caller=ann)
    assert (await asking.ask("GET", "/box/a", caller=bob)).status == 403
    granted = {"x-amz-grant-read": 'emailAddress="bob@example.com"'}
    await asking.ask("PUT", "/box/a", query=[("acl", "")], headers=granted, caller=ann)
    assert (await asking.ask("GET", "/box/a", caller=bob)).body == b"1"
    shown = await asking.ask("GET", "/box/a", query=[("acl", "")], caller=ann)
    assert "<ID>id-of-bob</ID>" in text_of(shown)
    assert "<Name>box</Name>" not in text_of(await asking.ask("GET", "/", caller=bob))


async def test_what_our_own_api_copies_leaves_no_rights_behind() -> None:
    asking = Asking()
    await asking.ask("PUT", "/box")
    await asking.ask("PUT", "/box/a", body=b"1", headers={"x-amz-acl": "public-read"})
    headers = {"x-amz-copy-source": "/box/a"}
    await asking.ask("PUT", "/box/b", headers=headers)
    nobody = Caller(account=ACCOUNT)
    seen = [(await asking.ask("GET", f"/box/{key}", caller=nobody)).status for key in "ab"]
    assert seen == [200, 403]


async def test_pages_in_buckets_do_not_act_as_the_node() -> None:
    asking = Asking()
    await asking.ask("PUT", "/box")
    headers = {"content-type": "text/html"}
    await asking.ask("PUT", "/box/a", body=b"<script>", headers=headers)
    shown = dict((await asking.ask("GET", "/box/a")).headers)
    assert (shown["content-type"], "sandbox" in shown["content-security-policy"]) == (
        "text/html",
        True,
    )
    script = await asking.ask("GET", "/box/a", headers={"sec-fetch-dest": "script"})
    assert script.status == 403
