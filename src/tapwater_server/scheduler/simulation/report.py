"""What a simulation found, as values, JSON and a table."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionReport:
    """One function's share."""

    function: str
    invocations: int
    cold_starts: int
    refused: int
    wait_p50_s: float
    wait_p99_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole: memory in GiB-seconds, waits in seconds."""

    nodes: int
    functions: int
    invocations: int
    refused: int
    cold_starts: int  # calls that waited for an instance to start
    imports: int  # zygotes that had to be made
    prewarmed: int  # instances started before they were called
    evicted: int
    wait_p50_s: float
    wait_p99_s: float
    wait_max_s: float
    span_s: float
    memory_gib_s: float  # held by instances and zygotes
    idle_gib_s: float  # of that, by instances without a call
    busy_gib_s: float
    memory_peak_bytes: int  # of the fullest node
    by_function: tuple[FunctionReport, ...]  # worst waits first

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=2)

    def to_table(self, *, functions_max: int = 10) -> str:
        """As text for people."""
        share = 100 * self.cold_starts / max(1, self.invocations)
        lines = [
            f"{'nodes':24}{self.nodes:>14,}",
            f"{'functions':24}{self.functions:>14,}",
            f"{'invocations':24}{self.invocations:>14,}   in {self.span_s:,.0f} s",
            f"{'cold starts':24}{self.cold_starts:>14,}   {share:.2f} %",
            f"{'imports':24}{self.imports:>14,}",
            f"{'prewarmed':24}{self.prewarmed:>14,}",
            f"{'evicted':24}{self.evicted:>14,}",
            f"{'refused':24}{self.refused:>14,}",
            f"{'waiting p50':24}{self.wait_p50_s * 1e3:>14,.2f}   ms, of all calls",
            f"{'waiting p99':24}{self.wait_p99_s * 1e3:>14,.2f}   ms",
            f"{'waiting, longest':24}{self.wait_max_s * 1e3:>14,.2f}   ms",
            f"{'memory held':24}{self.memory_gib_s:>14,.0f}   GiB s",
            f"{'  idle':24}{self.idle_gib_s:>14,.0f}   GiB s",
            f"{'  busy':24}{self.busy_gib_s:>14,.0f}   GiB s",
            f"{'fullest node':24}{self.memory_peak_bytes / 2**30:>14,.2f}   GiB",
            "",
            f"{'function':24}{'calls':>10}{'cold':>8}{'refused':>9}{'p50 ms':>10}{'p99 ms':>10}",
        ]
        lines += (
            f"{one.function[:23]:24}{one.invocations:>10,}{one.cold_starts:>8,}{one.refused:>9,}"
            f"{one.wait_p50_s * 1e3:>10,.2f}{one.wait_p99_s * 1e3:>10,.2f}"
            for one in self.by_function[:functions_max]
        )
        return "\n".join(lines)
