"""Zip files that nobody should trust."""

import io
import struct
import zipfile
from collections.abc import Mapping

import pytest

from tapwater_server.control import zipped
from tapwater_server.control.zipped import inspect
from tapwater_server.model.errors import Invalid, TooLarge
from tests.conformance.releases_kit import zipped as make

LINK = 0o120777


@pytest.mark.parametrize(
    ("files", "modes"),
    [
        ({"../evil": ""}, {}),
        ({"/etc/passwd": ""}, {}),
        ({"a/../../evil": ""}, {}),
        ({"a\\b": ""}, {}),
        ({"a\nb": ""}, {}),
        ({"a": "", "a/b": ""}, {}),
        ({"x" * 300: ""}, {}),
        ({"/".join("d" * 70): ""}, {}),
        ({"link": "../../etc/passwd"}, {"link": LINK}),
        ({"link": "/etc/passwd"}, {"link": LINK}),
        ({"link": "nowhere"}, {"link": LINK}),
        ({"one": "two", "two": "one"}, {"one": LINK, "two": LINK}),
        ({"device": ""}, {"device": 0o020644}),
        ({"pipe": ""}, {"pipe": 0o010644}),
    ],
)
def test_hostile_entries_are_refused(files: Mapping[str, str], modes: Mapping[str, int]) -> None:
    with pytest.raises(Invalid):
        inspect([make(files, modes=modes)])


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x05\x06" + bytes(10), b"PK\x03\x04" * 9])
def test_what_is_no_zip_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        inspect([io.BytesIO(data)])


def test_a_cut_off_archive_is_refused() -> None:
    whole = make({"a": "x" * 10_000}).getvalue()
    for size in range(0, len(whole), 7):
        with pytest.raises(Invalid):
            inspect([io.BytesIO(whole[:size])])


def test_a_flipped_byte_is_noticed() -> None:
    whole = bytearray(make({"a": bytes(range(256))}).getvalue())
    at = whole.index(b"a") + 4
    whole[at] ^= 0xFF
    with pytest.raises(Invalid):
        inspect([io.BytesIO(bytes(whole))])


def test_a_bomb_ends_at_the_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "ZIPPED_BYTES_MAX", 1 << 20)
    with pytest.raises(TooLarge):
        inspect([make({"a": bytes(600 << 10), "b": bytes(600 << 10)})])
    with pytest.raises(TooLarge):
        inspect([make({"a": bytes(600 << 10)}), make({"b": bytes(600 << 10)})])


def test_links_that_multiply_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "ZIPPED_BYTES_MAX", 1 << 20)
    names = {f"link{number}": "a" for number in range(10)}
    with pytest.raises(TooLarge):
        inspect([make({"a": bytes(200 << 10), **names}, modes=dict.fromkeys(names, LINK))])


def test_a_table_of_contents_beyond_all_reason_is_not_read() -> None:
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, 64 << 20, 0, 0)
    with pytest.raises((Invalid, TooLarge)):
        inspect([io.BytesIO(bytes(64 << 20) + end)])


def test_encrypted_and_strangely_packed_files_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", "x")
    with pytest.raises(Invalid, match="compressed"):
        inspect([out])
    raw = bytearray(make({"a": "x"}).getvalue())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Invalid, match="encrypted"):
        inspect([io.BytesIO(bytes(raw))])


def test_of_two_of_one_name_the_later_counts() -> None:
    one = inspect([make({"a": "1", "b": "1"}), make({"a": "22"})])
    assert (one.files["a"].size, one.files["b"].size, one.size) == (2, 1, 3)
