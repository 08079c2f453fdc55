"""Signals to whom it must not reach."""

import os
import signal

from tests.functional.sandbox.battery.trying import refused


def every_process() -> object:
    """kill(-1) reaches everybody one may signal; here that is nobody else."""
    return refused(os.kill, -1, signal.SIGKILL)


def many_pids() -> object:
    reached: list[int] = []
    for pid in range(2, 5000):
        if refused(os.kill, pid, 0).startswith("got"):
            reached.append(pid)
    return reached


def the_parent() -> object:
    return [os.getppid(), refused(os.kill, 2, signal.SIGKILL)]


def the_parent_s_group() -> object:
    return refused(os.killpg, 2, signal.SIGKILL)


def through_a_pidfd() -> object:
    return refused(os.pidfd_open, 2)


def priorities() -> object:
    return refused(os.setpriority, os.PRIO_PROCESS, 0, -20)


def real_time() -> object:
    return refused(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(10))
