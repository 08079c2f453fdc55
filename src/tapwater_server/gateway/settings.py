"""What the request door can be told, and what it can say about itself."""

from dataclasses import dataclass, field

from tapwater_server.model import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """Every ceiling of the door. The defaults and most reasons stand in ``model/limits.py``."""

    connections_max: int = limits.CONNECTIONS_MAX
    header_bytes_max: int = limits.HEADER_BYTES_MAX
    headers_max: int = limits.HEADERS_MAX
    url_bytes_max: int = limits.URL_BYTES_MAX
    header_wait_s_max: float = limits.HEADER_WAIT_S_MAX
    keep_alive_s_max: float = limits.KEEP_ALIVE_S_MAX
    pipeline_max: int = limits.PIPELINE_MAX
    drain_s_max: float = limits.DRAIN_S_MAX
    write_buffer_bytes_max: int = limits.RESPONSE_BUFFER_BYTES_MAX
    body_inline_bytes_max: int = limits.BODY_INLINE_BYTES_MAX
    body_wait_s_max: float = 30.0  # Between two pieces of a request's body.
    send_wait_s_max: float = 60.0  # Without one byte taken by a client that owes us reading.
    linger_s_max: float = 2.0  # Reading on after a refusal, so that the client sees the answer.
    message_bytes_max: int = 1 << 20  # One WebSocket message, put together and inflated.
    ping_s: float = 20.0  # A quiet WebSocket is asked for a sign of life this often.
    pong_wait_s_max: float = 20.0  # ... and closed when none comes.
    sweep_s: float = 0.5  # How exact all of these are.


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """What the door is told, once, by assembly."""

    host: str = "127.0.0.1"  # "": every address of this machine
    port: int = 8080  # 0: any free one, see Gateway.addresses
    tls_certificate: str = ""  # path of a PEM chain; "" for plain HTTP
    tls_key: str = ""
    trusted_proxies: tuple[str, ...] = ()  # addresses or networks whose X-Forwarded-* count
    domains: tuple[str, ...] = ("localhost",)  # apps answer at <app>.<domain>
    dashboard_hosts: tuple[str, ...] = ()  # where the dashboard answers, and no app ever does
    reuse_port: bool = False  # several nodes on one machine share the port
    listen_fd: int | None = None  # an inherited listening socket, used instead of host and port
    dev: bool = False  # tell callers why a function failed
    limits: DoorLimits = field(default_factory=DoorLimits)

    def __post_init__(self) -> None:
        assert bool(self.tls_certificate) == bool(self.tls_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStats:
    """What the door has seen since it started."""

    connections: int  # open now
    connections_total: int
    connections_refused: int  # above the ceiling
    requests: int
    in_flight: int
    websockets: int  # open now
    refused: int  # malformed, too large, too slow
    aborted: int  # clients that went away during a call
    certificate_failures: int  # reloads that did not work; the old certificate stays
    task_failures: int  # bugs of ours in streamed files or internal pages
