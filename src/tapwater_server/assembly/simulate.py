"""The simulator, for the command line: the scheduler's own decisions replayed over a trace."""

from tapwater_server.scheduler.simulation.report import Report
from tapwater_server.scheduler.simulation.settings import SimulationSettings
from tapwater_server.scheduler.simulation.simulator import simulate
from tapwater_server.scheduler.simulation.trace import read_trace

__all__ = ["Report", "SimulationSettings", "read_trace", "simulate"]
