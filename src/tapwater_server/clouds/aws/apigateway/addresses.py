"""Where an API answers, as its clients are told. Pure."""

import ipaddress

from tapwater_server.clouds.aws.asked import AwsAsked


def endpoint_of(asked: AwsAsked, id: str) -> str:
    """Write an API's address: a host name of its own where the client used a name, a path where
    it used an address, which has no names below it.
    """
    host, colon, port = asked.host.rpartition(":")
    name = host if colon and port.isdecimal() else asked.host
    if _is_address(name):
        return f"{asked.scheme}://{asked.host}/_/aws/execute-api/{id}"
    tail = f":{port}" if name != asked.host else ""
    region = asked.account.region
    return f"{asked.scheme}://{id}.execute-api.{region}.{domain_of(name)}{tail}"


def domain_of(name: str) -> str:
    """Leave out the labels of AWS's own scheme.

    >>> domain_of("apigateway.us-east-1.localhost"), domain_of("aws.example.com")
    ('localhost', 'example.com')
    """
    labels = name.split(".")
    if labels[0] == "apigateway" and len(labels) > 2:
        labels = labels[2:]
    elif labels[0] == "aws" and len(labels) > 1:
        labels = labels[1:]
    return ".".join(labels)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
