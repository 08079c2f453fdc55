"""What is wrong with a template or a request, as CloudFormation says it."""

from tapwater_server.clouds.aws.asked import AwsError


class Refused(AwsError):
    """ValidationError: what nearly everything that is wrong is called here."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationError", message, 400)


class Failed(Exception):
    """A resource could not be made, changed or deleted. Its text is the reason that is shown."""
