"""API Gateway's control API: REST APIs and HTTP APIs are asked under one signature's scope."""

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError, Service

HTTP_PATH = "/v2/"


class GatewayDoor:
    """Keeps ``asked.Service``: chooses by the path."""

    def __init__(self, *, rest: Service, http: Service) -> None:
        self._rest, self._http = rest, http
        self.parts = (rest, http)

    async def answer(self, asked: AwsAsked) -> AwsAnswer:
        return await self._of(asked).answer(asked)

    def refused(self, error: AwsError, asked: AwsAsked | None, *, id: str) -> AwsAnswer:
        return self._of(asked).refused(error, asked, id=id)

    def _of(self, asked: AwsAsked | None) -> Service:
        second = asked is not None and asked.path.startswith(HTTP_PATH)
        return self._http if second else self._rest
