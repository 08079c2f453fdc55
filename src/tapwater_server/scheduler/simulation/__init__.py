"""Replays a trace of invocations through the scheduler's own pure decisions, at any size."""

from tapwater_server.scheduler.simulation.report import Report
from tapwater_server.scheduler.simulation.settings import SimulationSettings
from tapwater_server.scheduler.simulation.simulator import simulate
from tapwater_server.scheduler.simulation.trace import Arrival, read_trace

__all__ = ["Arrival", "Report", "SimulationSettings", "read_trace", "simulate"]
