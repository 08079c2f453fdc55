"""Whether a configuration is one that S3 would keep. Pure."""

from xml.etree.ElementTree import Element

from tapwater_server.clouds.aws.s3.errors import refuse
from tapwater_server.clouds.aws.s3.markup import text_of

RULES_MAX = 100  # Of CORS, as in S3.
_METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")


def _check(fine: object) -> None:
    if not fine:
        raise refuse("MalformedXML")


def check_accelerate(root: Element) -> None:
    _check(text_of(root, "Status") in ("Enabled", "Suspended"))


def check_cors(root: Element) -> None:
    rules = root.findall("CORSRule")
    _check(1 <= len(rules) <= RULES_MAX)
    for rule in rules:
        methods = [method.text or "" for method in rule.findall("AllowedMethod")]
        origins = [origin.text or "" for origin in rule.findall("AllowedOrigin")]
        _check(methods and origins)
        for method in methods:
            if method not in _METHODS:
                raise refuse(
                    "InvalidRequest",
                    f"Found unsupported HTTP method in CORS config. Unsupported method is {method}",
                )
        for origin in origins:
            if origin.count("*") > 1:
                raise refuse(
                    "InvalidRequest",
                    f'AllowedOrigin "{origin}" can not have more than one wildcard.',
                )


def check_encryption(root: Element) -> None:
    rules = root.findall("Rule")
    _check(rules)
    for rule in rules:
        said = text_of(rule, "ApplyServerSideEncryptionByDefault/SSEAlgorithm")
        if said.startswith("aws:kms"):
            raise refuse("NotImplemented", "Server side encryption with KMS is not here")
        _check(said in ("", "AES256"))


def check_logging(root: Element) -> None:
    """Access logs are not written into buckets: what cannot be done is not accepted."""
    if root.find("LoggingEnabled") is not None:
        raise refuse("NotImplemented", "Access logs are not delivered into buckets here")


def check_notification(root: Element) -> None:
    for kind, where in (
        ("TopicConfiguration", "Topic"),
        ("QueueConfiguration", "Queue"),
        ("CloudFunctionConfiguration", "CloudFunction"),
    ):
        for one in root.findall(kind):
            events = [event.text or "" for event in one.findall("Event")]
            _check(text_of(one, where) and events)
            if not all(event.startswith("s3:") for event in events):
                raise refuse(
                    "InvalidArgument", "A specified event is not supported for notifications."
                )


def check_payment(root: Element) -> None:
    _check(text_of(root, "Payer") in ("BucketOwner", "Requester"))
    if text_of(root, "Payer") == "Requester":
        raise refuse("NotImplemented", "Requesters do not pay here")


def check_replication(root: Element) -> None:
    raise refuse("NotImplemented", "Replication is not here")


def check_website(root: Element) -> None:
    redirect = root.find("RedirectAllRequestsTo")
    _check((redirect is not None) != bool(text_of(root, "IndexDocument/Suffix")))
    if redirect is not None:
        _check(text_of(redirect, "HostName"))


def check_many(root: Element, id: str) -> None:
    """One of the configurations that have ids."""
    _check(id and text_of(root, "Id") == id)
