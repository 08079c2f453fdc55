"""Everything configurable: read once, checked whole, then frozen.

Sources, strongest first: what the command line gave, ``TAPWATER_*`` variables, the settings file
(``--config``, ``TAPWATER_CONFIG``, else ``settings.toml`` in the data directory), the defaults.
"""

import os
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tapwater_server.assembly.aws.settings import check_aws
from tapwater_server.assembly.otlp_settings import check_otlp
from tapwater_server.model.address import parse_address
from tapwater_server.model.errors import Invalid, SettingsError
from tapwater_server.ports.mail_server import read_server
from tapwater_server.services.otlp.encoding import PROTOBUF

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PORT_MAX = 65_535
_NOT_NEGATIVE = (
    "memory_budget",
    "keep_alive_s",
    "retention_days",
    "retention_bytes",
    "record_sample",
    "drain_s",
    "record_days",
    "record_bytes",
)
_APP = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator can choose. Each field is ``TAPWATER_<NAME>`` and a key of the file."""

    data: Path  # the one data directory
    host: str = "127.0.0.1"  # anything wider than loopback is asked for
    port: int = 8080
    tls_cert: Path | None = None  # PEM chain; with tls_key: serve HTTPS
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()  # peers whose X-Forwarded-* count
    reuse_port: bool = False  # share the port with other nodes on this machine
    memory_budget: int = 0  # bytes for all instances; 0: three quarters of the machine
    instances_max: int = 1_000  # of all functions together
    starts_max: int = 16  # instances being started at a time
    keep_alive_s: float = 60.0  # how long an idle instance is kept before there are samples
    retention_days: float = 14.0  # of invocation records and logs
    retention_bytes: int = 4 << 30  # of disk for them; the oldest go first
    record_sample: float = 1.0  # share of calls that ended well to keep records of; sums have all
    record_payloads: float = 0.01  # share of calls recorded whole; failed ones always are
    record_days: float = 7.0  # how long recordings are kept
    record_bytes: int = 512 << 20  # of disk for all of them
    tariff: Path | None = None  # what use costs here; None: tariff.toml in the data directory
    dashboard_host: str = ""  # a name of this server on which the dashboard alone answers
    dashboard_shared: bool = False  # let people sign in where an app answers too
    mqtt: bool = False  # let MQTT clients connect
    mqtt_host: str = "127.0.0.1"  # of the plain port: passwords go over it as they are
    mqtt_port: int = 1883
    mqtt_tls_port: int = 8883  # on ``host``, with tls_cert and tls_key
    mqtt_keep_alive_s_max: int = 60  # clients of MQTT 5 are told to be heard of that often
    mqtt_anonymous: str = ""  # app of clients that do not say who they are: its rules decide
    drain_s: float = 30.0  # how long a stopping node waits for answers in flight
    allow_weak: bool = False  # run functions though layers of isolation are missing
    smtp_url: str = ""  # the server for mail: smtp://user:password@host:587; "": the inbox
    mail_from: str = ""  # who mails are from: "Shop <shop@example.com>"
    otlp_url: str = ""  # the collector of telemetry: http://127.0.0.1:4318; "": none
    otlp_headers: str = ""  # sent along, a token say: "authorization=Bearer abc,x-team=a"
    otlp_protocol: str = PROTOBUF  # or http/json
    otlp_sample: float = 1.0  # of traces without an error, this part is sent
    reach_private: bool = False  # apps may name mail servers and issuers in the node's network
    aws: bool = True  # answer clients of Amazon's services, on the same port
    aws_account_id: str = "000000000000"  # twelve digits: the account that is everybody's default
    aws_home: str = "aws"  # the app whose buckets, queues and topics that account's are
    aws_region: str = "us-east-1"  # what clients are told; the same things answer in all regions
    aws_domain: str = ""  # names below it lead here: photos.s3.aws.example.com; localhost always
    aws_access_key: str = ""  # a fixed key of that account, beside those made by `aws keys`
    aws_secret_key: str = ""  # ... and its secret: by the variable or the file, never an argument
    aws_retry_delay_s: float = 60.0  # before an asynchronous call that failed is tried again
    aws_roles: bool = True  # hold Lambda functions to the policies of their roles, as AWS does
    dev: bool = False  # tracebacks in answers; never for a server others reach
    default_python: str = ""  # interpreter of apps that name none; "": the platform's own
    uv: str = "uv"  # the executable that builds dependencies; the one we were installed with


def load(overrides: Mapping[str, object]) -> Settings:
    """Read the settings; ``overrides`` are the command line's (None: not given).

    Raises:
        SettingsError: with every complaint, a line each.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    environment = _from_environment(os.environ)
    first = {**environment, **given}
    data = Path(str(first.get("data") or _default_data(os.environ))).expanduser().absolute()
    config = first.pop("config", None)
    file = Path(str(config)) if config else data / "settings.toml"
    raw = {**_from_file(file, wanted=bool(config)), **first, "data": data}
    return parse({"uv": _uv_beside(sys.executable), **raw})


def build_environment() -> Mapping[str, str]:
    """Give the variables that building dependencies may need: proxies, indexes, certificates."""
    return dict(os.environ)


def parse(raw: Mapping[str, object]) -> Settings:
    """Check raw values, whichever source they are from, and build the settings.

    >>> parse({"data": "/d", "port": "81", "dev": "yes"}).port
    81

    Raises:
        SettingsError: with every complaint, a line each.
    """
    complaints: list[str] = []
    values: dict[str, Any] = {}
    kinds = {field.name: str(field.type) for field in fields(Settings)}
    for name, value in raw.items():
        if name not in kinds:
            complaints.append(f"{name}: there is no such setting (there are: {', '.join(kinds)})")
            continue
        try:
            values[name] = _READERS[kinds[name]](value)
        except ValueError as error:
            complaints.append(f"{name}: {error}")
    complaints += check_ranges(values)
    complaints += check_recording(values)
    complaints += check_tls(values)
    complaints += check_mqtt(values)
    complaints += check_mail(values)
    complaints += check_otlp(values)
    complaints += check_aws(values)
    if complaints:
        raise SettingsError("\n".join(complaints))
    return Settings(**values)


def check_ranges(values: Mapping[str, Any]) -> list[str]:
    """Complain of numbers that cannot be meant."""
    complaints = []
    for name in ("port", "mqtt_port", "mqtt_tls_port"):
        if not 0 <= values.get(name, 0) <= _PORT_MAX:
            complaints.append(f"{name}: {values[name]} is not between 0 and {_PORT_MAX}")
    for name in ("instances_max", "starts_max"):
        if values.get(name, 1) < 1:
            complaints.append(f"{name}: {values[name]} is less than 1")
    for name in _NOT_NEGATIVE:
        if values.get(name, 0) < 0:
            complaints.append(f"{name}: {values[name]} is negative")
    if values.get("dev") and values.get("host", "127.0.0.1") not in _LOOPBACK:
        complaints.append(
            "dev: answers carry tracebacks in dev mode, so it serves loopback only; "
            f"drop dev or the host {values['host']!r}"
        )
    return complaints


def check_recording(values: Mapping[str, Any]) -> list[str]:
    """Complain of a share that is none."""
    shares = {name: values.get(name, 0) for name in ("record_payloads", "record_sample")}
    return [
        f"{name}: {share} is not a share, from 0 to 1"
        for name, share in shares.items()
        if not 0 <= share <= 1
    ]


def check_mqtt(values: Mapping[str, Any]) -> list[str]:
    """Complain of a broker that waits for ever, or whose guests belong nowhere."""
    complaints = []
    app = values.get("mqtt_anonymous")
    if app and not _APP.fullmatch(app):
        complaints.append(f"mqtt_anonymous: {app!r} is not the name of an app")
    if app and values.get("dev") and values.get("mqtt_host", "127.0.0.1") not in _LOOPBACK:
        complaints.append("mqtt_host: in dev mode nobody needs a password, so loopback only")
    if not 0 <= values.get("mqtt_keep_alive_s_max", 0) <= _PORT_MAX:
        complaints.append(f"mqtt_keep_alive_s_max: must be from 0 to {_PORT_MAX}; 0: any")
    return complaints


def check_tls(values: Mapping[str, Any]) -> list[str]:
    """Complain of half a key pair, or of files that are not there."""
    cert, key = values.get("tls_cert"), values.get("tls_key")
    if bool(cert) != bool(key):
        return ["tls_cert, tls_key: give both or neither"]
    return [
        f"{name}: there is no file {path}"
        for name, path in (("tls_cert", cert), ("tls_key", key))
        if path and not path.is_file()
    ]


def check_mail(values: Mapping[str, Any]) -> list[str]:
    """Complain of a mail server or a sender that cannot be read."""
    complaints = []
    try:
        if values.get("smtp_url"):
            read_server(values["smtp_url"], own_network=True)
    except Invalid as error:
        complaints.append(f"smtp_url: {error.message}")
    sender = values.get("mail_from", "")
    try:
        if sender:
            parse_address(sender.partition("<")[2].partition(">")[0] or sender)
    except Invalid as error:
        complaints.append(f"mail_from: {error.message}")
    return complaints


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    names = {field.name for field in fields(Settings)} | {"config"}
    found = {name: environ.get(f"TAPWATER_{name.upper()}") for name in names}
    return {name: value for name, value in found.items() if value}


def _from_file(file: Path, *, wanted: bool) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError:
        if wanted:
            raise SettingsError(f"{file}: there is no such settings file") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error


def default_data() -> Path:
    """Say where the data directory is when nobody chose one (XDG base directories)."""
    return _default_data(os.environ)


def _default_data(environ: Mapping[str, str]) -> Path:
    chosen = environ.get("TAPWATER_DATA")
    if chosen:
        return Path(chosen)
    share = environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
    return Path(share) / "tapwater"


def _uv_beside(python: str) -> str:
    """Prefer the uv that was installed together with us; a virtual environment need not be on
    PATH."""
    beside = Path(python).with_name("uv")
    return str(beside) if beside.is_file() else "uv"


def _flag(value: object) -> bool:
    text = str(value).lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def _size(value: object) -> int:
    """Read a whole number, or a size with a unit: 512MB, 4GiB (both are powers of two here)."""
    text = str(value).strip().upper().removesuffix("IB").removesuffix("B")
    unit = {"K": 10, "M": 20, "G": 30, "T": 40}.get(text[-1:], 0)
    digits = text[:-1] if unit else text
    try:
        return int(digits) << unit
    except ValueError:
        raise ValueError(f"{value!r} is not a whole number or a size such as 512MB") from None


def _seconds(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a number") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    if isinstance(value, list | tuple):
        return tuple(str(word) for word in value)
    raise ValueError(f"{value!r} is not a list")


_READERS: Mapping[str, Callable[[object], Any]] = {
    "pathlib.Path": lambda value: Path(str(value)).expanduser(),
    "<class 'pathlib.Path'>": lambda value: Path(str(value)).expanduser(),
    "pathlib.Path | None": lambda value: Path(str(value)).expanduser(),
    "<class 'str'>": str,
    "<class 'int'>": _size,
    "<class 'float'>": _seconds,
    "<class 'bool'>": _flag,
    "tuple[str, ...]": _words,
}
