"""What an app says about a broker elsewhere, in ``[mqtt]`` of tapwater.toml. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_KEYS = ("url", "user", "password", "user_secret", "password_secret", "client_id", "ca", "version")


@dataclass(frozen=True, slots=True, kw_only=True)
class ElsewhereSettings:
    """A broker the app's functions listen to, besides the app's own."""

    host: str
    port: int
    tls: bool
    user: str = ""
    user_secret: str = ""  # the name of a secret of the app
    password_secret: str = ""
    client_id: str = ""  # "": one of ours, the same at every start
    ca: str = ""  # PEM of who signed the broker's certificate; "": whom this machine trusts
    version: str = "5"  # "3.1.1" for a broker that does not even refuse MQTT 5 properly


def parse_elsewhere(raw: Mapping[str, Any]) -> tuple[ElsewhereSettings | None, list[str]]:
    """Check the table. None: there is no broker, or what is said of it is wrong.

    >>> parse_elsewhere({"url": "mqtts://broker.example"})[0].port
    8883
    >>> parse_elsewhere({"url": "http://x"})[1]
    ['mqtt.url: write mqtt://host:port or mqtts://host:port']
    """
    complaints = [f"mqtt.{key}: there is no such key" for key in raw if key not in _KEYS]
    complaints += [
        f"mqtt.{key}: must be text"
        for key, value in raw.items()
        if key in _KEYS and not isinstance(value, str)
    ]
    if "password" in raw:
        complaints.append("mqtt.password: name a secret instead, in password_secret")
    if complaints or not raw:
        return None, complaints
    return _read({key: str(value) for key, value in raw.items()})


def _read(said: Mapping[str, str]) -> tuple[ElsewhereSettings | None, list[str]]:
    try:
        url = urlsplit(said.get("url", ""))
        port = url.port
    except ValueError:
        url, port = urlsplit(""), None
    complaints = []
    if url.scheme not in _PORTS or not url.hostname or url.path.strip("/") or url.query:
        complaints.append("mqtt.url: write mqtt://host:port or mqtts://host:port")
    if url.username or url.password:
        complaints.append("mqtt.url: the user goes into user, the password into a secret")
    for key in ("user_secret", "password_secret"):
        if said.get(key) and not _SECRET.fullmatch(said[key]):
            complaints.append(f"mqtt.{key}: {said[key][:64]!r} cannot name a secret")
    if said.get("version", "5") not in {"5", "3.1.1"}:
        complaints.append('mqtt.version: must be "5" or "3.1.1"')
    if complaints:
        return None, complaints
    others = {key: value for key, value in said.items() if key != "url"}
    found = ElsewhereSettings(
        host=url.hostname or "",
        port=port if port is not None else _PORTS[url.scheme],
        tls=url.scheme == "mqtts",
        **others,
    )
    return found, []
