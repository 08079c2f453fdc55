"""The parts of an upload: which make the object, what they add up to, what is kept. Pure."""

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import around, tag, text_of
from tapwater_server.clouds.aws.s3.notes import COMPOSITE, FULL_OBJECT
from tapwater_server.clouds.aws.s3.ranges import whole_number
from tapwater_server.clouds.aws.s3.stores import Judge
from tapwater_server.clouds.aws.s3.sums import (
    ALGORITHMS,
    DEFAULT,
    algorithm_of,
    in_markup,
    of_base64,
    sent,
)
from tapwater_server.clouds.aws.s3.times import iso
from tapwater_server.model.blob import PARTS_MAX, Draft, Part, Upload

PART_BYTES_MIN = 5 << 20  # Of all but the last, as in S3.
_WHOLE = ("crc64nvme", "crc32", "crc32c")
OF_UPLOAD = ("sum-name", "sum-said", "sum")  # Notes that are not the object's.


def checksum_of(headers: Mapping[str, str]) -> tuple[str, str]:
    """Read which checksum the whole is to have, and of what it is one."""
    text = headers.get("x-amz-checksum-algorithm", "")
    name = algorithm_of(text) if text else DEFAULT
    default = COMPOSITE if text and name != "crc64nvme" else FULL_OBJECT
    kind = headers.get("x-amz-checksum-type", default).upper()
    if kind not in (COMPOSITE, FULL_OBJECT):
        raise refuse("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
    if kind == FULL_OBJECT and name not in _WHOLE:
        raise refuse(
            "InvalidRequest",
            f"The FULL_OBJECT checksum type cannot be used with the {name} checksum algorithm.",
        )
    if kind == COMPOSITE and name == "crc64nvme":
        raise refuse(
            "InvalidRequest",
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.",
        )
    return name, kind


def sum_name(upload: Upload) -> str:
    return upload.about.notes.get("sum-name", DEFAULT)


def number_of(text: str) -> int:
    """Read the number of a part.

    Raises:
        AwsError: InvalidArgument.
    """
    if not 1 <= whole_number(text) <= PARTS_MAX:
        raise refuse(
            "InvalidArgument",
            "Part number must be an integer between 1 and 10000, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=text,
        )
    return int(text)


def named_parts(root: Element, there: Mapping[int, Part]) -> list[tuple[int, str]]:
    """Read which parts make the object.

    Raises:
        AwsError: InvalidPart, InvalidPartOrder, MalformedXML.
    """
    found: list[tuple[int, str]] = []
    for one in root.findall("Part"):
        text, etag = text_of(one, "PartNumber"), text_of(one, "ETag").strip('"')
        number = whole_number(text)
        if number < 0:
            raise refuse("MalformedXML")
        if found and number <= found[-1][0]:
            raise refuse("InvalidPartOrder")
        part = there.get(number)
        if part is None or part.etag != etag or _differs(one, part):
            raise refuse("InvalidPart", PartNumber=text, ETag=etag)
        found.append((number, etag))
    if not found:
        raise refuse("MalformedXML")
    return found


def _differs(element: Element, part: Part) -> bool:
    for name, (written, _) in ALGORITHMS.items():
        text = text_of(element, f"Checksum{written}")
        if text and part.checksums.get(name) != of_base64(text, name):
            return True
    return False


def check_sizes(parts: Sequence[Part]) -> None:
    for part in parts[:-1]:
        if part.size < PART_BYTES_MIN:
            raise refuse(
                "EntityTooSmall",
                ProposedSize=str(part.size),
                MinSizeAllowed=str(PART_BYTES_MIN),
                PartNumber=str(part.number),
                ETag=part.etag,
            )


def parts_note(
    upload: Upload, named: Sequence[tuple[int, str]], there: Mapping[int, Part]
) -> dict[str, str]:
    """Keep what cannot be seen of the whole: which parts it has been, and where somebody asked
    for checksums those of each.
    """
    found = {"upload": upload.id}
    numbers = [number for number, _ in named]
    if numbers != list(range(1, len(numbers) + 1)):
        found["numbers"] = ",".join(map(str, numbers))
    if "sum-said" in upload.about.notes:
        name = sum_name(upload)
        found["part-sums"] = ",".join(there[number].checksums[name] for number in numbers)
        found["part-sum"] = name
    return found


def judge_whole(headers: Mapping[str, str], name: str) -> Judge:
    expected, size = sent(headers, name), headers.get("x-amz-mp-object-size", "")

    def judge(draft: Draft) -> None:
        if size and size != str(draft.size):
            raise refuse(
                "InvalidRequest",
                "The provided 'x-amz-mp-object-size' header value does not match what was computed",
            )
        found = draft.checksums.get(name, "")
        if expected and expected.partition("-")[0] != found.partition("-")[0]:
            raise refuse(
                "BadDigest", f"The {name} you specified did not match the calculated checksum."
            )

    return judge


def part_markup(part: Part) -> str:
    return around(
        "Part",
        tag("PartNumber", part.number)
        + tag("LastModified", iso(part.stored_at))
        + tag("ETag", f'"{part.etag}"')
        + tag("Size", part.size)
        + in_markup(part.checksums, typed=False),
    )
