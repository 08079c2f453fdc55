"""What can be wrong with the settings of the room of AWS. Pure."""

import re
from collections.abc import Mapping
from typing import Any

_ACCOUNT = re.compile(r"[0-9]{12}")
_HOME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_KEY = re.compile(r"[A-Za-z0-9_]{3,128}")
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,200}[a-z0-9])?")


def check_aws(values: Mapping[str, Any]) -> list[str]:
    """Complain of an account, a region or a key that no client could use.

    >>> check_aws({"aws_account_id": "12"})
    ["aws_account_id: '12' is not twelve digits"]
    """
    complaints = []
    for name, pattern, what in (
        ("aws_account_id", _ACCOUNT, "twelve digits"),
        ("aws_home", _HOME, "the name of an app"),
        ("aws_region", _REGION, "a region such as us-east-1"),
        ("aws_access_key", _KEY, "an access key: 3 to 128 letters and digits"),
        ("aws_domain", _DOMAIN, "a domain in lower case"),
    ):
        said = values.get(name)
        if said and not pattern.fullmatch(said):
            complaints.append(f"{name}: {said!r} is not {what}")
    if bool(values.get("aws_access_key")) != bool(values.get("aws_secret_key")):
        complaints.append("aws_access_key, aws_secret_key: give both or neither")
    return complaints
