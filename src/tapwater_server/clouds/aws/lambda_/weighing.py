"""Which version an alias with weights means, call by call, and as whole percents. Pure."""

from tapwater_server.clouds.aws.lambda_.records import Alias


def choose_version(alias: Alias, chance: float) -> str:
    """Draw a version by exact weights; ``chance`` is at least 0 and less than 1.

    >>> choose_version(Alias(name="a", version="1", weights={"2": 0.25}), 0.2)
    '2'
    >>> choose_version(Alias(name="a", version="1", weights={"2": 0.25}), 0.25)
    '1'
    """
    for version, weight in alias.weights.items():
        if chance < weight:
            return version
        chance -= weight
    return alias.version


def percents(alias: Alias) -> dict[str, int]:
    """Round the weights to whole percents, as the registry shows them; what gets calls at all keeps
    a percent.

    >>> percents(Alias(name="a", version="1", weights={"2": 0.005}))
    {'2': 1, '1': 99}
    """
    shares = {
        version: min(99, max(1, round(weight * 100)))
        for version, weight in alias.weights.items()
        if weight > 0
    }
    rest = 100 - sum(shares.values())
    return {**shares, alias.version: rest} if rest > 0 else shares
