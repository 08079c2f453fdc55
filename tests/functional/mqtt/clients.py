"""Real MQTT clients for tests, waiting for things instead of sleeping."""

import datetime
import ipaddress
import threading
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.functional.running import Platform

WAIT_S_MAX = 20.0


class Phone:
    """A paho client on a thread of its own; remembers what it got and what was acknowledged."""

    def __init__(
        self,
        platform: Platform,
        *,
        app: str = "shop",
        client_id: str,
        version: int = 5,
        kept: bool = False,
        port: int = 0,
        ca: Path | None = None,
    ) -> None:
        self.got: list[paho.MQTTMessage] = []
        self.acknowledged: set[int] = set()
        self.reason = ""
        self._changed = threading.Condition()
        self._granted = 0
        protocol = MQTTProtocolVersion.MQTTv5 if version == 5 else MQTTProtocolVersion.MQTTv311
        said: dict[str, Any] = {} if version == 5 else {"clean_session": not kept}
        self.paho = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=protocol, **said
        )
        self.paho.username_pw_set(app, platform.token)
        self.paho.reconnect_delay_set(1, 1)
        # With a limit, paho sends what is beyond it anew after a reconnection, also messages of
        # QoS 2 whose PUBREC it has.
        self.paho.max_inflight_messages_set(0)
        if ca is not None:
            self.paho.tls_set(str(ca))
        self.paho.on_message = self._on_message
        self.paho.on_connect = self._on_connect
        self.paho.on_publish = self._on_publish
        self.paho.on_subscribe = self._on_subscribe
        self._port = port or broker_port(platform)
        self._properties = None
        if version == 5 and kept:
            # paho's own types have no annotations.
            self._properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            self._properties.SessionExpiryInterval = 3_600

    def __enter__(self) -> Self:
        said: dict[str, Any] = {}
        if self._properties is not None:
            # Not paho's "first only": with it, its first reconnection sends a message of QoS 2
            # again whose PUBREC it has, which the protocol forbids.
            said = {"properties": self._properties, "clean_start": False}
        self.paho.connect("127.0.0.1", self._port, keepalive=30, **said)
        self.paho.loop_start()
        self.until(lambda: self.reason != "", "the CONNACK")
        return self

    def __exit__(self, *_: object) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()

    def subscribe(self, filter: str, qos: int = 2) -> None:
        before = self._granted
        self.paho.subscribe(filter, qos)
        self.until(lambda: self._granted > before, "the SUBACK")

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> int:
        """Publish without waiting; gives what ``acknowledged`` will have."""
        return self.paho.publish(topic, payload, qos, retain=retain).mid

    def until(self, true: Any, what: str) -> None:
        with self._changed:
            assert self._changed.wait_for(true, WAIT_S_MAX), f"this did not come: {what}"

    def payloads(self) -> list[bytes]:
        return [bytes(message.payload) for message in self.got]

    def _on_message(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        self._note(lambda: self.got.append(message))

    def _on_publish(self, client: Any, data: Any, mid: int, *_: Any) -> None:
        self._note(lambda: self.acknowledged.add(mid))

    def _on_subscribe(self, *_: Any) -> None:
        self._granted += 1
        self._note(lambda: None)

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, *_: Any) -> None:
        self.reason = str(reason)
        self._note(lambda: None)

    def _note(self, change: Any) -> None:
        with self._changed:
            change()
            self._changed.notify_all()


def broker_port(platform: Platform, scheme: str = "mqtt", app: str = "shop") -> int:
    """Ask where the broker listens."""
    said = platform.api("GET", f"/apps/{app}/mqtt/status").json()
    [address] = [one for one in said["addresses"] if one.startswith(f"{scheme}:")]
    return int(address.rpartition(":")[2])


def heard(platform: Platform, app: str = "shop") -> list[dict[str, Any]]:
    """Give the events that MQTT messages became, oldest first, with their data."""
    found: list[dict[str, Any]] = []
    after: str | None = "0"
    while after:
        query = {"type": "tapwater.mqtt.message", "after": after, "data": "true", "limit": "500"}
        said = platform.api("GET", f"/apps/{app}/events", params=query).json()
        found += said["events"]
        after = str(said["next"]) if said.get("next") and said["events"] else None
    return found


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    begins = datetime.datetime(2020, 1, 1)
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file
