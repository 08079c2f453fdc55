"""Who may, what a form allows, what a lifecycle means, how pages are folded."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.s3 import acl as lists
from tapwater_server.clouds.aws.s3.acl import Grant
from tapwater_server.clouds.aws.s3.cors import match, rules_of
from tapwater_server.clouds.aws.s3.folding import fold_versions
from tapwater_server.clouds.aws.s3.form_policy import Sizes, check_policy
from tapwater_server.clouds.aws.s3.lifecycle_rules import name_rules
from tapwater_server.clouds.aws.s3.lifecycle_rules import rules_of as lifecycle_of
from tapwater_server.clouds.aws.s3.markup import read
from tapwater_server.clouds.aws.s3.people import Person
from tapwater_server.clouds.aws.s3.publicity import checked, is_public
from tapwater_server.clouds.aws.s3.uploads import fold_uploads
from tapwater_server.model.blob import Blob, LifecycleRule, Page, Upload
from tapwater_server.ports.blobs import Listing


def person(kind: str, said: str) -> Person:
    return Person(id=f"{kind}:{said}")


def test_lists_in_headers() -> None:
    asked = {"x-amz-grant-read": f'id="1", uri="{lists.EVERYBODY}"', "x-amz-grant-write": "id=2"}
    found = lists.of_headers(asked, owner="me", bucket_owner="you", find=person)
    assert found == (
        Grant("id:1", "READ"),
        Grant(lists.EVERYBODY, "READ"),
        Grant("id:2", "WRITE"),
    )
    assert lists.of_headers({}, owner="me", bucket_owner="you", find=person) is None
    handed = {"x-amz-acl": "bucket-owner-read"}
    found = lists.of_headers(handed, owner="me", bucket_owner="you", find=person)
    assert found == (Grant("you", "READ"), Grant("me", "FULL_CONTROL"))
    for bad in ({"x-amz-acl": "all"}, {"x-amz-acl": "private", **asked}):
        with pytest.raises(AwsError):
            lists.of_headers(bad, owner="me", bucket_owner="you", find=person)


def test_whom_lists_let_in() -> None:
    signed = (Grant(lists.SIGNED, "READ"), Grant("me", "FULL_CONTROL"))
    may = [lists.permits(signed, who, "READ") for who in ("", "you", "me")]
    assert may == [False, True, True]
    assert not lists.permits(signed, "you", "WRITE")
    assert lists.is_public(signed)
    assert lists.read_kept(lists.kept(signed)) == signed


def policy_of(**statement: Any) -> str:
    said = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    return json.dumps({"Statement": [{**said, "Resource": "arn:aws:s3:::b/*", **statement}]})


def test_public_policies() -> None:
    assert is_public(checked(policy_of(), "b"))
    assert not is_public(checked(policy_of(Principal={"AWS": "arn:aws:iam::1:root"}), "b"))
    bound = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    assert not is_public(checked(policy_of(Condition=bound), "b"))
    for bad in (
        policy_of(Resource="arn:aws:s3:::other/*"),
        policy_of(Action="sqs:SendMessage"),
        json.dumps({"Statement": []})[:-1],
    ):
        with pytest.raises(AwsError, match="MalformedPolicy"):
            checked(bad, "b")


def form(*conditions: Any, expiration: str = "2030-01-01T00:00:00Z") -> str:
    said = {"expiration": expiration, "conditions": list(conditions)}
    return b64encode(json.dumps(said).encode()).decode()


FIELDS = {"key": "up/a", "bucket": "b", "policy": "x", "x-ignore-me": "1"}
MINE: Sequence[Any] = ({"bucket": "b"}, ["starts-with", "$key", "up/"])


def test_forms_are_held_to_their_policy() -> None:
    assert check_policy(form(*MINE), FIELDS, now=0) == Sizes()
    sized = form(*MINE, ["content-length-range", 1, 9])
    assert check_policy(sized, FIELDS, now=0) == Sizes(1, 9)
    refused: Mapping[str, str] = {
        form(*MINE, expiration="1970-01-01T00:00:00Z"): "AccessDenied",
        form({"bucket": "b"}, ["eq", "$Key", "up/b"]): "AccessDenied",
        form({"bucket": "b"}): "AccessDenied",
        form(*MINE, ["content-length-range", 9, 1]): "InvalidPolicyDocument",
        form(*MINE, {}): "InvalidPolicyDocument",
        form(*MINE, expiration="2030-01-01 00:00:00"): "InvalidPolicyDocument",
        "e30=": "InvalidPolicyDocument",
        "no base 64": "InvalidPolicyDocument",
    }
    for text, code in refused.items():
        with pytest.raises(AwsError) as caught:
            check_policy(text, FIELDS, now=1)
        assert caught.value.code == code


def lifecycle(inner: str) -> tuple[LifecycleRule, ...]:
    return lifecycle_of(read(f"<L><Rule><Status>Enabled</Status>{inner}</Rule></L>".encode()))


def test_lifecycles_as_ours() -> None:
    found = lifecycle(
        "<Filter><And><Prefix>p/</Prefix><Tag><Key>a</Key><Value>1</Value></Tag>"
        "<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></And></Filter>"
        "<Expiration><Days>3</Days></Expiration><NoncurrentVersionExpiration>"
        "<NoncurrentDays>2</NoncurrentDays><NewerNoncurrentVersions>4</NewerNoncurrentVersions>"
        "</NoncurrentVersionExpiration>"
    )
    assert found == (
        LifecycleRule(
            prefix="p/",
            tags={"a": "1"},
            size_over=5,
            expire_days=3,
            drop_old_days=2,
            keep_old_max=4,
        ),
    )
    marked = "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"
    assert lifecycle(marked)[0].drop_markers
    dated = "<Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration>"
    assert lifecycle(dated)[0].expire_at == 1893456000
    for bad, code in (
        ("<Expiration><Days>0</Days></Expiration>", "InvalidArgument"),
        ("<Expiration><Date>2030-01-01T01:00:00Z</Date></Expiration>", "InvalidArgument"),
        ("<Transition><Days>1</Days></Transition>", "NotImplemented"),
        ("", "InvalidRequest"),
    ):
        with pytest.raises(AwsError) as caught:
            lifecycle(bad)
        assert caught.value.code == code


def test_rules_get_names() -> None:
    root = read(b"<L><Rule/><Rule><ID>x</ID></Rule></L>")
    name_rules(root, "fresh")
    assert [rule.findtext("ID") for rule in root] == ["fresh0", "x"]
    with pytest.raises(AwsError, match="unique"):
        name_rules(read(b"<L><Rule><ID>x</ID></Rule><Rule><ID>x</ID></Rule></L>"), "f")


def test_origins() -> None:
    rules = rules_of(
        "<C><CORSRule><AllowedOrigin>https://*.a.example</AllowedOrigin>"
        "<AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-*</AllowedHeader></CORSRule></C>"
    )
    assert match(rules, "https://b.a.example", "PUT", ["x-1"]) == rules[0]
    assert match(rules, "https://b.a.example", "GET", []) is None
    assert match(rules, "https://b.a.example", "PUT", ["y"]) is None
    assert match(rules, "https://b.a.example.evil", "PUT", []) is None


def version(key: str, number: int) -> Blob:
    return Blob(bucket="b", key=key, version=str(number), size=0, etag="", stored_at=0.0)


class Flat:
    """Versions as our blobs list them."""

    def __init__(self, blobs: Sequence[Blob]) -> None:
        self.blobs = blobs

    async def scan(self, listing: Listing, after_version: str) -> Page:
        def behind(blob: Blob) -> bool:
            if not after_version or blob.key != listing.after:
                return blob.key > listing.after
            return int(blob.version) > int(after_version)

        found = [one for one in self.blobs if one.key.startswith(listing.prefix) and behind(one)]
        page = tuple(found[: listing.count_max])
        last = page[-1] if page else None
        more = last is not None and len(found) > len(page)
        return Page(blobs=page, next=f"{last.key}\0{last.version}" if more and last else "")


@given(
    keys=st.lists(st.sampled_from(["a", "a/1", "a/2", "b", "b/", "c/x/y", "c/z"]), max_size=12),
    count=st.integers(1, 4),
    delimiter=st.sampled_from(["", "/"]),
    prefix=st.sampled_from(["", "a", "c/"]),
)
async def test_pages_of_versions_hold_each_once(
    keys: list[str], count: int, delimiter: str, prefix: str
) -> None:
    blobs = [version(key, number) for number, key in enumerate(sorted(keys))]
    listing = Listing(bucket="b", prefix=prefix, delimiter=delimiter, count_max=count)
    seen: list[str] = []
    after, after_version, truncated = "", "", True
    while truncated:
        page = await fold_versions(
            Flat(blobs).scan, replace(listing, after=after), after_version=after_version
        )
        assert len(page.blobs) + len(page.prefixes) <= count
        seen += [f"{one.key}#{one.version}" for one in page.blobs] + list(page.prefixes)
        after, after_version, truncated = page.next_key, page.next_version, page.truncated
    folded = {
        one.key[: one.key.find("/", len(prefix)) + 1]
        for one in blobs
        if one.key.startswith(prefix) and delimiter and one.key.find("/", len(prefix)) >= 0
    }
    alone = {
        f"{one.key}#{one.version}"
        for one in blobs
        if one.key.startswith(prefix) and not (delimiter and one.key.find("/", len(prefix)) >= 0)
    }
    assert sorted(seen) == sorted(folded | alone)


def test_pages_of_uploads() -> None:
    made = [
        Upload(id=str(number), bucket="b", key=key, begun_at=0.0)
        for number, key in enumerate(("b", "a/1", "a/2", "c", "c"))
    ]
    whole = fold_uploads(made, prefix="", delimiter="/", after=("", ""), count_max=10)
    assert ([one.id for one in whole.uploads], whole.prefixes) == (["0", "3", "4"], ["a/"])
    first = fold_uploads(made, prefix="", delimiter="/", after=("", ""), count_max=3)
    assert (first.truncated, first.next_key, first.next_upload) == (True, "c", "3")
    rest = fold_uploads(made, prefix="", delimiter="/", after=("c", "3"), count_max=3)
    assert [one.id for one in rest.uploads] == ["4"]
