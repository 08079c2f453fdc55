"""What pages of other origins may do: preflights, and headers of answers. Pure but for reading."""

import re
from dataclasses import dataclass

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.s3.call import Call
from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import read, text_of
from tapwater_server.clouds.aws.s3.stores import Means


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a bucket."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    age_s: str = ""


class Cors:
    """Answers preflights and adds headers."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def preflight(self, call: Call) -> AwsAnswer:
        origin = call.headers.get("origin", "")
        method = call.headers.get("access-control-request-method", "")
        if not origin:
            raise refuse("BadRequest", "Insufficient information. Origin request header needed.")
        if not method:
            raise refuse("BadRequest", "Invalid Access-Control-Request-Method: null")
        asked = call.headers.get("access-control-request-headers", "")
        wanted = [one.strip().lower() for one in asked.split(",") if one.strip()]
        rule = match(self._rules(call), origin, method, wanted)
        if rule is None:
            raise _forbidden()
        found = [*allowed(rule, origin), ("access-control-allow-methods", ", ".join(rule.methods))]
        if wanted:
            found.append(("access-control-allow-headers", ", ".join(wanted)))
        if rule.age_s:
            found.append(("access-control-max-age", rule.age_s))
        return AwsAnswer(headers=found)

    def headers(self, call: Call) -> list[tuple[str, str]]:
        """Say what lets the page that asks see the answer."""
        origin = call.headers.get("origin", "")
        if not origin or not call.bucket:
            return []
        method = call.headers.get("access-control-request-method") or call.asked.method
        rule = match(self._rules(call), origin, method, ())
        if rule is None:
            return []
        return [*allowed(rule, origin), ("access-control-allow-methods", ", ".join(rule.methods))]

    def _rules(self, call: Call) -> list[Rule]:
        text = self._means.places.config(call.account, "cors", call.bucket)
        return [] if text is None else rules_of(text)


def rules_of(text: str) -> list[Rule]:
    """Read a configuration that has been checked."""

    def texts(rule, name: str) -> tuple[str, ...]:  # type: ignore[no-untyped-def]
        return tuple(one.text or "" for one in rule.findall(name))

    return [
        Rule(
            origins=texts(rule, "AllowedOrigin"),
            methods=texts(rule, "AllowedMethod"),
            headers=texts(rule, "AllowedHeader"),
            exposed=texts(rule, "ExposeHeader"),
            age_s=text_of(rule, "MaxAgeSeconds"),
        )
        for rule in read(text.encode()).findall("CORSRule")
    ]


def match(
    rules: list[Rule], origin: str, method: str, headers: "list[str] | tuple[()]"
) -> Rule | None:
    """Find the first rule that allows it."""
    for rule in rules:
        if (
            method in rule.methods
            and any(_fits(pattern, origin) for pattern in rule.origins)
            and all(any(_fits(one.lower(), name) for one in rule.headers) for name in headers)
        ):
            return rule
    return None


def allowed(rule: Rule, origin: str) -> list[tuple[str, str]]:
    if "*" in rule.origins:
        found = [("access-control-allow-origin", "*")]
    else:
        found = [
            ("access-control-allow-origin", origin),
            ("access-control-allow-credentials", "true"),
            ("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
        ]
    if rule.exposed:
        found.append(("access-control-expose-headers", ", ".join(rule.exposed)))
    return found


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None


def _forbidden() -> Exception:
    return refuse(
        "AccessDenied",
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
        "Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers "
        "are not whitelisted by the resource's CORS spec.",
    )
