"""pydantic and msgspec, if the user's own dependencies brought them. Never imported by us first.

A class of theirs can only stand in an annotation when their module is loaded already, so looking
into ``sys.modules`` is enough.
"""

import re
import sys
from collections.abc import Callable
from typing import Any, get_args, get_origin

from tapwater.runtime.wrong import Wrong

_MSGSPEC_PLACE = re.compile(r"(?P<what>.*?)(?: - at `(?P<where>[^`]*)`)?", re.DOTALL)


def wants(annotation: Any) -> bool:
    """Whether pydantic has to look at this ``Annotated``: one of its constraints is on it."""
    return "pydantic" in sys.modules and any(
        type(extra).__module__.partition(".")[0] in ("pydantic", "annotated_types", "pydantic_core")
        for extra in get_args(annotation)[1:]
    )


def is_pydantic(annotation: Any) -> bool:
    """Whether pydantic says how it is read."""
    if "pydantic" not in sys.modules:
        return False
    if hasattr(annotation, "__get_pydantic_core_schema__"):
        return True
    return hasattr(annotation, "__metadata__") and wants(annotation)


def is_msgspec(annotation: Any) -> bool:
    """Whether it is a ``msgspec.Struct``."""
    if "msgspec" not in sys.modules:
        return False
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and hasattr(kind, "__struct_config__")


def is_model(annotation: Any) -> bool:
    """Whether it is a record of either library: made of a whole JSON object."""
    return is_msgspec(annotation) or hasattr(annotation, "model_validate_json")


def from_json(annotation: Any) -> Callable[[Any], Any] | None:
    """A converter from decoded JSON, None if it is neither library's."""
    if is_msgspec(annotation):
        return _msgspec(annotation, sys.modules["msgspec"])
    if is_pydantic(annotation):
        adapter = sys.modules["pydantic"].TypeAdapter(annotation)
        return _pydantic(adapter.validate_python)
    return None


def from_bytes(annotation: Any) -> Callable[[bytes], Any] | None:
    """A converter from JSON as it came, None if it is neither library's."""
    if is_msgspec(annotation):
        msgspec: Any = sys.modules["msgspec"]
        decode = msgspec.json.Decoder(annotation).decode

        def convert(body: bytes) -> Any:
            try:
                return decode(body)
            except msgspec.ValidationError as error:
                raise _told(error) from None
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                raise Wrong(f"is not JSON: {error}" if body else "is missing") from None

        return convert
    if is_pydantic(annotation):
        adapter: Any = sys.modules["pydantic"].TypeAdapter(annotation)
        return _pydantic(adapter.validate_json)
    return None


def from_text(annotation: Any) -> Callable[[Any], Any] | None:
    """A converter from a text, None if it is not pydantic's or is a whole model."""
    if is_pydantic(annotation) and not is_model(annotation):
        return _pydantic(sys.modules["pydantic"].TypeAdapter(annotation).validate_strings)
    return None


def json_schema(annotation: Any, reference: str) -> dict[str, Any] | None:
    """The JSON Schema either library gives, with its ``$defs`` inside; None if it is neither's."""
    if is_msgspec(annotation):
        msgspec: Any = sys.modules["msgspec"]
        (schema,), components = msgspec.json.schema_components(
            [annotation], ref_template=reference + "{name}"
        )
        return {**schema, "$defs": components}
    if is_pydantic(annotation):
        adapter: Any = sys.modules["pydantic"].TypeAdapter(annotation)
        schema = adapter.json_schema(ref_template=reference + "{model}")
        return dict(schema)
    return None


def plain(value: Any) -> Any:
    """An object of either library as plain data for JSON; ``NotImplemented`` for others."""
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json")
    if hasattr(type(value), "__struct_config__"):
        return sys.modules["msgspec"].to_builtins(value)
    return NotImplemented


def _msgspec(annotation: Any, msgspec: Any) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        try:
            return msgspec.convert(value, annotation)
        except msgspec.ValidationError as error:
            raise _told(error) from None

    return convert


def _told(error: Exception) -> Wrong:
    match = _MSGSPEC_PLACE.fullmatch(str(error))
    assert match is not None  # The pattern takes any text.
    where = (match["where"] or "").removeprefix("$")
    return Wrong([(where, match["what"])])


def _pydantic(validate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    failure: Any = sys.modules["pydantic"].ValidationError

    def convert(value: Any) -> Any:
        try:
            return validate(value)
        except failure as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            raise Wrong([(_place(one["loc"]), one["msg"]) for one in found]) from None

    return convert


def _place(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
