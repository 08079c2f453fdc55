"""What is kept of a function, a version and an alias, as facts. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.lambda_.names import LATEST
from tapwater_server.model.ids import AppId

FUNCTION, VERSION, ALIAS = "lambda/function", "lambda/version", "lambda/alias"
URL, POLICY, EVENT_CONFIG = "lambda/url", "lambda/policy", "lambda/event-invoke-config"
PROVISIONED, LAYER, LAYER_COUNT = "lambda/provisioned", "lambda/layer", "lambda/layer-count"
TAGS = "lambda/tags"  # of what is not a function
SIGNING, LAYER_POLICY = "lambda/code-signing", "lambda/layer-policy"
PENDING, ACTIVE, FAILED = "Pending", "Active", "Failed"
SUCCESSFUL, IN_PROGRESS = "Successful", "InProgress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A zip file, and what became of it."""

    zip: str  # sha256 of the file, in hex
    size: int
    bundle: str = ""  # digest of what was unpacked
    layer: str = ""
    unpacked: int = 0  # bytes, layers too


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One state of a function: ``$LATEST``, or a published one, which never changes."""

    number: str
    config: Mapping[str, Any]  # members of FunctionConfiguration that the user set
    code: Code
    modified_at: float
    id: str  # RevisionId, as AWS calls it: another with each change
    revision: str = ""  # of our registry; "": none yet
    warning: str = ""  # what is not as was asked for
    instances_min: int = 0
    said: str = ""  # Description given when it was published


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of an account."""

    name: str
    app: str
    account: str  # twelve digits, and the region it was made in
    region: str
    latest: Version
    state: str = PENDING
    state_reason: str = ""
    update: str = SUCCESSFUL  # LastUpdateStatus
    update_reason: str = ""
    next: Version | None = None  # what an update in progress makes
    publish: bool = False  # and that it will be published, too
    published: int = 0  # the last version's number
    tags: Mapping[str, str] = field(default_factory=dict)
    reserved: int | None = None  # calls at a time
    signing: str = ""  # ARN of a code signing config
    recursion: str = "Terminate"
    runtimes: Mapping[str, Any] = field(default_factory=dict)  # RuntimeManagementConfig by version

    @property
    def busy(self) -> bool:
        """Whether something is being done to it."""
        return self.state == PENDING or self.update == IN_PROGRESS

    def with_latest(self, **changes: Any) -> "Function":
        return replace(self, latest=replace(self.latest, **changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name for a version, or for two with weights."""

    name: str
    version: str
    weights: Mapping[str, float] = field(default_factory=dict)  # of the additional version
    description: str = ""
    id: str = ""


def function_value(function: Function) -> dict[str, Any]:
    """Write a function as the value of a fact."""
    return asdict(function)


def read_function_value(value: Mapping[str, Any]) -> Function:
    """Read it back."""
    following = value["next"]
    return Function(
        **{
            **value,
            "latest": read_version_value(value["latest"]),
            "next": None if following is None else read_version_value(following),
        }
    )


def version_value(version: Version) -> dict[str, Any]:
    """Write a version."""
    return asdict(version)


def read_version_value(value: Mapping[str, Any]) -> Version:
    """Read it back."""
    return Version(**{**value, "code": Code(**value["code"])})


def alias_value(alias: Alias) -> dict[str, Any]:
    """Write an alias."""
    return asdict(alias)


def read_alias_value(value: Mapping[str, Any]) -> Alias:
    """Read it back."""
    return Alias(**value)


def account_of(space: str, value: Mapping[str, Any], *, region: str = "") -> Account:
    """Say whose a function is, by where its fact lies.

    >>> account_of("aws/shop", {"account": "000000000000", "region": "us-east-1"}).home
    'shop'
    """
    home = AppId(space.partition("/")[2])
    return Account(id=str(value["account"]), home=home, region=region or str(value["region"]))


def key_of(name: str, qualifier: str = LATEST) -> str:
    """Name the fact of something that belongs to a function's version or alias.

    >>> key_of("resize", "3")
    'resize:3'
    """
    return f"{name}:{qualifier}"
