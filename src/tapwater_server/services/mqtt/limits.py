"""Every ceiling of the broker, with its unit and its reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLimits:
    """What one client, one session and one app may make us hold."""

    connections_max: int = 10_000
    packet_bytes_max: int = 1 << 20  # Of a packet from a client: an errand holds no more.
    connect_s_max: float = 10.0  # From the accepted socket to its CONNECT.
    keep_alive_s_max: int = 60  # MQTT 5 clients are told; a dead peer is noticed in 1.5 times this.
    session_expiry_s_max: int = 30 * 86_400  # A device that was away for longer starts afresh.
    receive_max: int = 2_048  # Messages of QoS 1 and 2 a client may have under way to us (MQTT 5).
    topic_aliases_max: int = 64  # In each direction of one connection.
    window_max: int = 128  # Messages of QoS 1 and 2 under way to one client.
    queued_max: int = 10_000  # Messages waiting for one session; fewer than packet identifiers.
    queued_bytes_max: int = 32 << 20
    subscriptions_max: int = 1_000  # Of one session.
    sessions_max: int = 100_000  # Of one app, connected or not.
    retained_max: int = 100_000  # Of one app.
    retained_bytes_max: int = 128 << 20
    out_bytes_max: int = 1 << 20  # Written to a socket and not taken by the peer: then we wait.
    pending_max: int = 512  # Messages of one client that are on their way to the disk.
    pending_bytes_max: int = 4 << 20
    committing_bytes_max: int = 64 << 20  # The same, of all clients together.

    def __post_init__(self) -> None:
        assert self.queued_max + self.window_max < 65_535
