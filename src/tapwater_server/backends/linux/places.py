"""Where a function finds its own code in its sandbox. Pure."""

from collections.abc import Mapping

from tapwater_server.ports.sandbox import Image

_OURS = ("/app", "/layer")
_OF_CLOUDS: Mapping[str, tuple[str, str]] = {"aws": ("/var/task", "/opt")}


def places_of(image: Image) -> tuple[str, str]:
    """Give the folders of its code and of its layer; "": it has none."""
    code, layer = _OF_CLOUDS.get(str(image.foreign.get("cloud", "")), _OURS)
    return code, layer if image.layer else ""
