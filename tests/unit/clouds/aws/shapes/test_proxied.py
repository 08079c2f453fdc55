"""Functions' answers as responses: what API Gateway infers, and what it refuses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.clouds.aws.shapes.proxied import (
    PRELUDE_BYTES_MAX,
    HttpAnswer,
    Malformed,
    failed,
    http_answer,
    http_answer_1,
    rest_answer,
    said,
    split_prelude,
)

JSON = ("content-type", "application/json")


def seen(answer: HttpAnswer) -> tuple[int, list[tuple[str, str]], bytes]:
    return answer.status, list(answer.headers), answer.body


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"statusCode": 201, "body": "hi"}, (201, [JSON], b"hi")),
        ({"statusCode": "404"}, (404, [JSON], b"")),
        ({}, (200, [JSON], b"")),
        (
            {
                "statusCode": 200,
                "headers": {"X-A": "one", "X-N": 1, "X-B": True},
                "multiValueHeaders": {"x-a": ["1", "2"], "Set-Cookie": ["a=1", "b=2"]},
            },
            (
                200,
                [
                    ("x-a", "1"),
                    ("x-a", "2"),
                    ("set-cookie", "a=1"),
                    ("set-cookie", "b=2"),
                    ("x-n", "1"),
                    ("x-b", "true"),
                    JSON,
                ],
                b"",
            ),
        ),
    ],
)
def test_rest(value: Any, expected: object) -> None:
    assert seen(rest_answer(json.dumps(value).encode())) == expected


@pytest.mark.parametrize(
    "payload",
    [
        b'"text"',
        b"null",
        b"no json",
        b'{"statusCode": 200, "body": {"a": 1}}',
        b'{"statusCode": 200, "cookies": []}',
        b'{"statusCode": "abc"}',
        b'{"statusCode": true}',
        b'{"statusCode": 99}',
        b'{"statusCode": 1e999}',
        b'{"headers": {"a": {}}}',
        b'{"headers": {"a": "x\\r\\nset-cookie: b"}}',
        b'{"headers": {"a b": "x"}}',
        b'{"headers": []}',
        b'{"multiValueHeaders": {"a": "b"}}',
    ],
)
def test_rest_refuses(payload: bytes) -> None:
    with pytest.raises(Malformed):
        rest_answer(payload)


def test_rest_decodes_what_the_client_takes_as_binary() -> None:
    payload = b'{"statusCode": 200, "body": "aGk=", "isBase64Encoded": true}'
    assert rest_answer(payload).body == b"aGk="
    assert rest_answer(payload, accept="image/png", binary=["image/png"]).body == b"hi"
    assert rest_answer(payload, accept="text/html", binary=["image/png"]).body == b"aGk="
    assert rest_answer(payload, binary=["*/*"]).body == b"hi"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"message": "hi"}', (200, [JSON], b'{"message": "hi"}')),
        (b'"hi"', (200, [JSON], b"hi")),
        (b"[1]", (200, [JSON], b"[1]")),
        (b"null", (200, [JSON], b"null")),
        (b'{"statusCode": 204}', (204, [JSON], b"")),
        (b'{"statusCode": 200, "body": {"a": 1}}', (200, [JSON], b'{"a":1}')),
        (
            b'{"statusCode":200,"headers":{"Content-Type":"text/html"},"cookies":["a=1","b=2"],'
            b'"body":"aGk=","isBase64Encoded":true}',
            (
                200,
                [("content-type", "text/html"), ("set-cookie", "a=1"), ("set-cookie", "b=2")],
                b"hi",
            ),
        ),
    ],
)
def test_http(payload: bytes, expected: object) -> None:
    assert seen(http_answer(payload)) == expected


def test_http_1() -> None:
    answer = http_answer_1(b'{"statusCode": 200, "multiValueHeaders": {"A": ["1", "2"]}}')
    assert list(answer.headers)[:2] == [("a", "1"), ("a", "2")]
    with pytest.raises(Malformed):
        http_answer_1(b'{"message": "no status"}')


@pytest.mark.parametrize(
    "payload",
    [
        b"no json",
        b'{"statusCode": 200, "cookies": "a"}',
        b'{"statusCode": 200, "body": "a", "isBase64Encoded": true}',
    ],
)
def test_http_refuses(payload: bytes) -> None:
    with pytest.raises(Malformed):
        http_answer(payload)


@given(st.binary(max_size=200) | st.text(max_size=200).map(json.dumps).map(str.encode))
def test_whatever_comes_is_read_or_refused(payload: bytes) -> None:
    for read in (rest_answer, http_answer, http_answer_1, split_prelude):
        try:
            read(payload)
        except Malformed:
            continue


def test_a_prelude_in_pieces() -> None:
    whole = b'{"statusCode": 201, "headers": {"X-A": "1"}, "cookies": ["c=1"]}' + bytes(8) + b"body"
    assert split_prelude(whole[:20]) is None
    found = split_prelude(whole)
    assert found is not None
    head, rest = found
    assert (head.status, rest) == (201, b"body")
    assert list(head.headers) == [
        ("x-a", "1"),
        ("set-cookie", "c=1"),
        ("content-type", "application/octet-stream"),
    ]
    with pytest.raises(Malformed):
        split_prelude(b"x" * (PRELUDE_BYTES_MAX + 1))


def test_own_answers() -> None:
    assert seen(failed()) == (502, [JSON], b'{"message":"Internal server error"}')
    assert failed(rest=False).status == 500
    assert said(404, "Not Found").body == b'{"message":"Not Found"}'
