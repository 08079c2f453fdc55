"""Targets by what their ARN names: each service registers what it takes."""

from collections.abc import Mapping

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.reaching import Sent, Targets


class ByService:
    """Keeps ``Targets`` by asking the service that an ARN names."""

    def __init__(self) -> None:
        self._of: dict[str, Targets] = {}

    def add(self, targets: Mapping[str, Targets]) -> None:
        """Let a service have what is sent to its ARNs."""
        self._of.update(targets)

    async def send(self, account: Account, arn: str, sent: Sent) -> None:
        await self._find(arn).send(account, arn, sent)

    def exists(self, account: Account, arn: str) -> bool:
        parsed = parse_arn(arn)
        known = self._of.get(parsed.service) if parsed is not None else None
        return known is not None and known.exists(account, arn)

    def _find(self, arn: str) -> Targets:
        parsed = parse_arn(arn)
        known = self._of.get(parsed.service) if parsed is not None else None
        if known is None:
            raise AwsError("InvalidParameterValue", f"Nothing can be sent to {arn}", 400)
        return known
