"""What a Lambda function logs, as people know it: its root logger, and START, END and REPORT."""

import json
import logging
import math
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Any

from tapwater.clouds.aws.faults import Told, entry
from tapwater.clouds.aws.times import fine_stamp, stamp
from tapwater.runtime.logs import SINK
from tapwater.runtime.wire import Level

_TEXT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
_TIME = "%Y-%m-%dT%H:%M:%S"
_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_OURS = frozenset({"aws_request_id", "tenant_id"})
_LEVELS = {"TRACE": 5, "DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40, "FATAL": 50}


class Now:
    """The call that runs: what log lines carry of it."""

    request = ""
    tenant: str | None = None


def is_json(foreign: Mapping[str, Any]) -> bool:
    """Whether log lines are objects."""
    return str(foreign.get("log_format", "")).upper() == "JSON"


def install(foreign: Mapping[str, Any]) -> None:
    """Give the root logger what a runtime for Python gives it."""
    logging.Formatter.converter = time.gmtime
    root = logging.getLogger()
    handler = SaidHandler(Sink())
    handler.setFormatter(JsonFormatter() if is_json(foreign) else logging.Formatter(_TEXT, _TIME))
    handler.addFilter(_note)
    level = {"TRACE": "DEBUG"}.get(str(foreign.get("log_level", "")), foreign.get("log_level"))
    if level and str(level).upper() in logging.getLevelNamesMapping():
        root.setLevel(str(level).upper())
    root.addHandler(handler)


def _note(record: logging.LogRecord) -> bool:
    record.aws_request_id = Now.request
    record.tenant_id = Now.tenant
    return True


class Sink:
    """Where ``context.log()`` and the handler write."""

    def log(self, msg: str, frame_type: bytes | None = None) -> None:
        """Write as it is."""
        sys.stdout.write(msg)


class SaidHandler(logging.Handler):
    """Takes what is logged; one record is one line of the log, whatever breaks it has."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self.log_sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        if SINK.link is None:
            self.log_sink.log(self.format(record))
            return
        SINK.send(_level(record.levelno), [self.format(record).rstrip("\n")], SINK.call())


class JsonFormatter(logging.Formatter):
    """A record as an object."""

    def __init__(self) -> None:
        super().__init__(datefmt=f"{_TIME}Z")

    def format(self, record: logging.LogRecord) -> str:
        known = record.exc_info if record.exc_info and record.exc_info[0] is not None else None
        where = f"{record.pathname}:{record.funcName}:{record.lineno}"
        plain = isinstance(record.msg, dict) and not record.args
        said: dict[str, Any] = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": logging.getLevelName(min(50, max(0, record.levelno)) // 10 * 10),
            "message": record.msg if plain else record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(known[2]) if known else None,
            "errorType": known[0].__name__ if known else None,
            "errorMessage": str(known[1]) if known else None,
            "requestId": getattr(record, "aws_request_id", None),
            "location": where if known else None,
            "tenantId": getattr(record, "tenant_id", None),
        }
        for key, value in record.__dict__.items():
            if key not in _OWN and key not in _OURS and key not in said:
                said[key] = value
        return _json({key: value for key, value in said.items() if value is not None}) + "\n"


_json = json.JSONEncoder(ensure_ascii=False, default=str).encode


def _level(number: int) -> int:
    if number >= logging.ERROR:
        return Level.ERROR
    if number >= logging.WARNING:
        return Level.WARNING
    return Level.INFO if number >= logging.INFO else Level.DEBUG


class Lines:
    """START, END and REPORT of one function, and its errors."""

    def __init__(self, foreign: Mapping[str, Any]) -> None:
        self._json = is_json(foreign)
        system = str(foreign.get("system_level", "")).upper() or "INFO"
        self._off = system == "OFF"
        self._report = not self._off and (not self._json or _LEVELS.get(system, 20) <= 20)
        self._version = str(foreign.get("version", "")) or "$LATEST"
        self._memory_mb = str(foreign.get("memory_mb", "")) or "128"
        self.init_ms: float | None = None  # of the first call alone

    def start(self, request: str, version: str) -> str:
        """Write what comes before a call; empty: nothing does."""
        if not self._report:
            return ""
        version = version or self._version
        if self._json:
            return self._event("platform.start", requestId=request, version=version)
        return f"START RequestId: {request} Version: {version}"

    def end(self, request: str, took_ms: float, memory_bytes: int, *, status: str) -> list[str]:
        """Write what comes after it."""
        if not self._report:
            return []
        init_ms, self.init_ms = self.init_ms, None
        memory_mb = max(1, math.ceil(memory_bytes / 2**20))
        if self._json:
            metrics = {
                "durationMs": round(took_ms, 3),
                "billedDurationMs": max(1, math.ceil(took_ms)),
                "memorySizeMB": int(self._memory_mb),
                "maxMemoryUsedMB": memory_mb,
            }
            if init_ms is not None:
                metrics["initDurationMs"] = round(init_ms, 3)
            report = self._event(
                "platform.report", requestId=request, metrics=metrics, status=status
            )
            return [report]
        report = (
            f"REPORT RequestId: {request}\tDuration: {took_ms:.2f} ms\t"
            f"Billed Duration: {max(1, math.ceil(took_ms))} ms\t"
            f"Memory Size: {self._memory_mb} MB\tMax Memory Used: {memory_mb} MB\t"
        )
        if init_ms is not None:
            report += f"Init Duration: {init_ms:.2f} ms\t"
        return [f"END RequestId: {request}", report]

    def error(self, told: Told) -> str:
        """Write an error that ended a call."""
        if not self._json:
            return entry(told)
        return _json({"timestamp": stamp(), "level": "ERROR", **told})

    def _event(self, kind: str, **record: Any) -> str:
        return _json({"time": fine_stamp(), "type": kind, "record": record})
