"""Ranges, headers, signatures, and taming: decisions about blobs that need no blob."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.blob import About, Blob
from tapwater_server.model.blob_conditions import Condition, Verdict, judge_read
from tapwater_server.model.blob_names import check_about, parse_bucket, parse_key
from tapwater_server.model.blob_paging import beyond, page
from tapwater_server.model.errors import Invalid, NoSuchRange, NotAllowed
from tapwater_server.model.ids import AppId
from tapwater_server.services.blobs import signing
from tapwater_server.services.blobs.digests import ALGORITHMS, Digests
from tapwater_server.services.blobs.headers import about_of, condition_of, expected_of, written
from tapwater_server.services.blobs.ranges import read_range
from tapwater_server.services.blobs.signing import Grant
from tapwater_server.web.safety import refuse_to_run, safe_headers

KEY = b"k" * 32
GRANT = Grant(
    method="PUT",
    app=AppId("shop"),
    bucket="box",
    key="a/b",
    expires=1_000,
    bytes_max=5,
    content_type="text/plain",
)


def blob(**given: object) -> Blob:
    facts = {"bucket": "box", "key": "k", "version": "null", "size": 10, "etag": "e"}
    return Blob(**{**facts, "stored_at": 1_000.5, **given})  # type: ignore[arg-type]


@given(st.text(max_size=30), st.integers(0, 100))
def test_any_range_header_is_a_stretch_or_nothing(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            found = read_range(text, size)
        except NoSuchRange:
            continue
        assert found is None or 0 <= found[0] < found[1] <= size


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 100))
def test_a_range_is_what_the_bytes_are(low: int, high: int, size: int) -> None:
    content = bytes(range(size))
    try:
        found = read_range(f"bytes={low}-{high}", size)
    except NoSuchRange:
        assert low >= size
        return
    if found is None:
        assert high < low
    else:
        assert content[slice(*found)] == content[low : high + 1]


def test_a_signature_covers_everything() -> None:
    said = signing.signature(GRANT, KEY)
    signing.check(GRANT, said, key=KEY, now=999)
    changes: list[dict[str, object]] = [
        {"method": "GET"},
        {"app": AppId("other")},
        {"bucket": "boxes"},
        {"key": "a/c"},
        {"expires": 2_000},
        {"bytes_max": 0},
        {"content_type": ""},
        {"version": "1"},
        {"disposition": "inline"},
    ]
    for change in changes:
        fields = {name: getattr(GRANT, name) for name in Grant.__dataclass_fields__}
        other = Grant(**{**fields, **change})
        with pytest.raises(NotAllowed):
            signing.check(other, said, key=KEY, now=0)
    for wrong in ("", said[:-1], said + "x", "\ud800"):
        with pytest.raises(NotAllowed):
            signing.check(GRANT, wrong, key=KEY, now=0)
    with pytest.raises(NotAllowed):
        signing.check(GRANT, said, key=b"o" * 32, now=0)
    with pytest.raises(NotAllowed, match="expired"):
        signing.check(GRANT, said, key=KEY, now=1_000)


def test_a_signed_query_says_what_was_signed() -> None:
    query = signing.query_of(GRANT, KEY)
    read = signing.read_grant(query, method="PUT", app=GRANT.app, bucket="box", key="a/b")
    assert read == GRANT
    with pytest.raises(Invalid):
        signing.read_grant({"expires": "x"}, method="GET", app=GRANT.app, bucket="b", key="k")


@given(st.dictionaries(st.sampled_from(["if-match", "if-none-match"]), st.text(max_size=20)))
def test_any_condition_is_read_or_refused(headers: dict[str, str]) -> None:
    try:
        condition_of(headers)
    except Invalid:
        return


def test_etags_are_read_as_the_rfc_has_them() -> None:
    condition = condition_of({"if-match": '"a", W/"b" , "c,d"', "if-none-match": "*"})
    assert condition == Condition(match=("a", "W/b", "c,d"), none_match=("*",))
    assert judge_read(Condition(match=("W/e",)), blob()) is Verdict.FAILED
    assert judge_read(Condition(none_match=("W/e",)), blob()) is Verdict.UNCHANGED
    assert judge_read(Condition(modified_since=1_000.0), blob()) is Verdict.UNCHANGED
    assert judge_read(Condition(modified_since=999.0), blob()) is Verdict.GO
    # A tag that does not match counts more than a date.
    both = Condition(none_match=("x",), modified_since=2_000.0)
    assert judge_read(both, blob()) is Verdict.GO


def test_headers_carry_what_is_known() -> None:
    about = about_of({"content-type": "a/b", "tapwater-metadata": '{"a": "\\u00fc"}'})
    assert about == About(content_type="a/b", metadata={"a": "ü"})
    said = written(blob(about=about, checksums={"sha256": "00ff", "crc32": "0"}))
    assert said["etag"] == '"e"'
    assert said["last-modified"] == "Thu, 01 Jan 1970 00:16:40 GMT"
    assert said["repr-digest"] == "sha-256=:AP8=:"
    assert said["tapwater-metadata"].isascii()
    assert about_of({"tapwater-metadata": said["tapwater-metadata"]}).metadata == {"a": "ü"}
    assert expected_of({"content-digest": "md5=:AP8=:, sha-256=:AP8=:"}) == {
        "md5": "00ff",
        "sha256": "00ff",
    }


@pytest.mark.parametrize(
    ("media", "said", "sent"),
    [
        ("text/html", "", "attachment"),
        ("TEXT/HTML; charset=utf-8", 'inline; filename="a"', 'attachment; filename="a"'),
        ("image/svg+xml", "inline", "attachment"),
        ("application/xhtml+xml", "", "attachment"),
        ("text/javascript", "", "attachment"),
        ("application/wasm", "ATTACHMENT; x=y", "ATTACHMENT; x=y"),
        ("image/png", "inline", "inline"),
        ("video/mp4", "", None),
        ("text/plain", "", None),
    ],
)
def test_what_a_browser_could_run_is_a_download(media: str, said: str, sent: str | None) -> None:
    about = About(content_type=media, content_disposition=said)
    headers = safe_headers(blob(about=about))
    assert headers.get("content-disposition") == sent
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]


def test_known_sums() -> None:
    digests = Digests(ALGORITHMS)
    for part in (b"123", b"456789"):
        digests.update(part)
    assert digests.etag == "25f9e794323b453885f5181f1b624d0b"
    assert digests.checksums["crc32"] == "cbf43926"
    assert digests.checksums["sha1"] == "f7c3bc1d808e04732adf679965ccc34ca7ae3441"
    with pytest.raises(Invalid, match="md5"):
        digests.check({"md5": "00"})
    with pytest.raises(Invalid):
        Digests(["rot13"])


@pytest.mark.parametrize("name", ["", "ab", "A-b", "-ab", "a_b", "a" * 64, "a..b", "ab\n", "ünï"])
def test_what_no_bucket_is_called(name: str) -> None:
    with pytest.raises(Invalid):
        parse_bucket(name)


@pytest.mark.parametrize(
    "key", ["", "x" * 1025, "a/../b", "..", ".", "a/./b", "a\0b", "a\nb", "\x7f", "\ud800"]
)
def test_what_no_key_is(key: str) -> None:
    with pytest.raises(Invalid):
        parse_key(key)


@pytest.mark.parametrize("destination", ["script", "serviceworker", "worker", "style", " Script"])
def test_no_page_runs_a_blob(destination: str) -> None:
    with pytest.raises(NotAllowed):
        refuse_to_run(destination)


@pytest.mark.parametrize("destination", ["", "empty", "image", "document", "iframe", "video"])
def test_all_else_is_given(destination: str) -> None:
    refuse_to_run(destination)


@pytest.mark.parametrize(
    "media",
    ["a/b", "text/plain; charset=utf-8", "text/plain;", 'video/mp4; codecs="avc1.42E01E, mp4a"'],
)
def test_media_types(media: str) -> None:
    assert check_about(About(content_type=media)).content_type == media


@pytest.mark.parametrize(
    "about",
    [
        About(content_type="text"),
        About(content_type="a/b\r\nx: y"),
        About(content_type="application/pdf;,text/html"),
        About(content_type='application/pdf; a="\\" b="x,text/html;"'),
        About(cache_control="a\nb"),
        About(content_disposition="ü"),
        About(metadata={"A": "x"}),
        About(metadata={"a b": "x"}),
        About(metadata={"a": "x" * 2_048}),
        About(metadata={"a": "\ud800"}),
        About(tags={str(n): "x" for n in range(11)}),
        About(tags={"a": "x" * 257}),
        About(tags={"": "x"}),
    ],
)
def test_what_cannot_be_said_of_a_blob(about: About) -> None:
    with pytest.raises(Invalid):
        check_about(about)


KEYS = st.lists(st.text(alphabet="ab/\ud7ff\ue000\U0010ffff", min_size=1, max_size=4), max_size=12)


@given(
    keys=KEYS,
    prefix=st.text(alphabet="ab/", max_size=2),
    delimiter=st.sampled_from(["", "/", "b/"]),
    count_max=st.integers(1, 4),
)
def test_pages_together_are_the_whole(
    keys: list[str], prefix: str, delimiter: str, count_max: int
) -> None:
    blobs = {key: blob(key=key) for key in sorted(set(keys))}

    def scan(start: str, end: str | None, count: int) -> list[Blob]:
        found = [one for key, one in blobs.items() if start <= key and (not end or key < end)]
        return found[:count]

    wanted: dict[str, None] = {}
    for key in blobs:
        if key.startswith(prefix):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            wanted[key if at < 0 else key[: at + len(delimiter)]] = None
    found: list[str] = []
    after = ""
    for _ in range(len(blobs) + 1):
        one = page(scan, prefix=prefix, delimiter=delimiter, after=after, count_max=count_max)
        assert len(one.blobs) + len(one.prefixes) <= count_max
        found += sorted([*(each.key for each in one.blobs), *one.prefixes])
        after = one.next
        if not after:
            break
    assert found == sorted(wanted)


@given(st.text(min_size=1, max_size=3), st.text(max_size=3))
def test_beyond_is_above_all_that_begin_so(prefix: str, rest: str) -> None:
    end = beyond(prefix)
    assert end is None or (prefix + rest < end and not end.startswith(prefix))
