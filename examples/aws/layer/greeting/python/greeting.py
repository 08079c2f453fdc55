"""What the functions share."""


def greet(name: str) -> str:
    """Say hello.

    >>> greet("Ada")
    'Hello, Ada!'
    """
    return f"Hello, {name}!"
