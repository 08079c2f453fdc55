"""What a code signing config asks for. Nothing is signed here: what must be, is refused. Pure."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.lambda_.refusals import invalid, refused

_MEMBER = "UntrustedArtifactOnDeployment"


def read_policy(said: Any) -> Mapping[str, str]:
    """Read CodeSigningPolicies.

    >>> read_policy(None)
    {'UntrustedArtifactOnDeployment': 'Warn'}
    """
    value = (said or {}).get(_MEMBER, "Warn") if isinstance(said, dict | None) else ""
    if value not in ("Warn", "Enforce"):
        raise invalid(f"{_MEMBER} must be Warn or Enforce")
    return {_MEMBER: value}


def check_unsigned(config: Mapping[str, Any] | None) -> None:
    """See that code without a signature may be deployed.

    Raises:
        AwsError: CodeVerificationFailedException.
    """
    if config is not None and config["CodeSigningPolicies"][_MEMBER] == "Enforce":
        raise refused(
            "CodeVerificationFailedException",
            "The code signature failed one or more of the validation checks for signature "
            "mismatch or expiration, and the code signing policy is set to ENFORCE. This platform "
            "checks no signatures.",
        )
