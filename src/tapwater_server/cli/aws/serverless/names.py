"""How the Serverless Framework names what it makes: other parts of a project rely on it. Pure."""

import re


def normalised(name: str) -> str:
    """Make a logical id's part of a function's name.

    >>> normalised("get-user_name")
    'GetDashuserUnderscorename'
    """
    text = name.replace("-", "Dash").replace("_", "Underscore")
    return text[:1].upper() + text[1:]


def function_id(name: str) -> str:
    """Name the resource of a function.

    >>> function_id("hello")
    'HelloLambdaFunction'
    """
    return f"{normalised(name)}LambdaFunction"


def layer_id(name: str) -> str:
    """Name the resource of a layer: other resources refer to it by that.

    >>> layer_id("common")
    'CommonLambdaLayer'
    """
    return f"{re.sub(r'[^0-9A-Za-z]', '', name[:1].upper() + name[1:])}LambdaLayer"


def bucket_id(name: str) -> str:
    """Name the resource of a bucket that an event has made.

    >>> bucket_id("my.photos")
    'S3BucketMyphotos'
    """
    text = re.sub(r"[^0-9A-Za-z]", "", name)
    return f"S3Bucket{text[:1].upper()}{text[1:]}"


def topic_id(name: str) -> str:
    """Name the resource of a topic that an event has made.

    >>> topic_id("order-done")
    'SNSTopicOrderdone'
    """
    text = re.sub(r"[^0-9A-Za-z]", "", name)
    return f"SNSTopic{text[:1].upper()}{text[1:]}"
