"""Which system calls a function may not make, by name; the kernel's numbers for two machines.

The base is what Docker's default profile refuses, and more. What is not named here is allowed up
to the newest call we know; later ones answer ENOSYS. ``zygote_filter`` still allows the very
calls, with the very flags, that forking an instance needs; ``instance_filter`` is laid on top of
it and takes those away too.
"""

from tapwater.runtime import kernel
from tapwater.runtime.seccomp import (
    EAFNOSUPPORT,
    ENOSYS,
    EPROTONOSUPPORT,
    Masked,
    Rule,
    assemble,
)

INSTANCE_NAMESPACES = (
    kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC
)
NAMESPACES = INSTANCE_NAMESPACES | (
    kernel.CLONE_NEWCGROUP | kernel.CLONE_NEWUTS | kernel.CLONE_NEWNET
)
TMPFS_FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV
PROC_FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC | kernel.MS_RDONLY

_NEWEST = 462  # mseal, Linux 6.10
_UNKNOWN = {
    # After the calls of the 64-bit machines come hundreds that never were, and uretprobe (335).
    "x86_64": ((335, 423), (_NEWEST + 1, 0xFFFFFFFF)),
    "aarch64": ((244, 259), (295, 423), (_NEWEST + 1, 0xFFFFFFFF)),
}

_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_FAMILIES = (_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK)
# "the usual one", ICMP for ping, TCP, UDP, ICMPv6. Not SCTP, DCCP, MPTCP, SMC: old and new holes.
_PROTOCOLS = (0, 1, 6, 17, 58)
_TIOCSTI, _TIOCLINUX, _TIOCSETD = 0x5412, 0x541C, 0x5423
_PR_SET_MM, _PR_SCHED_CORE = 35, 62
_PERSONALITIES = (0, 8, 0x20000, 0x20008, 0xFFFFFFFF)  # as Docker; the last one only asks

# name: (x86_64, aarch64); None: that machine has no such call.
_NEVER: dict[str, tuple[int | None, int | None]] = {
    # Other processes' memory and descriptors.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # Namespaces and mounts.
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "umount2": (166, 39),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    # The kernel itself.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, None),
    "query_module": (178, None),
    "get_kernel_syms": (177, None),
    "syslog": (103, 116),
    "reboot": (169, 142),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "sysfs": (139, None),
    "_sysctl": (156, None),
    "uselib": (134, None),
    "ustat": (136, None),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "lsm_get_self_attr": (459, 459),
    "lsm_set_self_attr": (460, 460),
    "lsm_list_modules": (461, 461),
    # Names and clocks of the machine.
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    # Keys belong to a user, not to a namespace of ours.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Where memory lies is the node's to say.
    "mbind": (237, 235),
    "get_mempolicy": (239, 236),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Splicing user pages into pipes was behind several escapes.
    "vmsplice": (278, 75),
}

# Programs look whether these exist and do without.
_ABSENT: dict[str, tuple[int | None, int | None]] = {
    "clone3": (435, 435),  # Its flags lie in memory, where no filter can look.
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),  # All functions of a node would share one pot of AIO events.
    "io_submit": (209, 2),
    "memfd_secret": (447, 447),
    "afs_syscall": (183, None),
    "tuxcall": (184, None),
    "security": (185, None),
    "vserver": (236, None),
}

_SOME: dict[str, tuple[int, int]] = {
    "clone": (56, 220),
    "unshare": (272, 97),
    "mount": (165, 40),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "ioctl": (16, 29),
    "prctl": (157, 167),
    "personality": (135, 92),
}


def _column(machine: str) -> int:
    return ("x86_64", "aarch64").index(machine)


def _some(machine: str, name: str, *when: Masked, error: int = 1) -> Rule:
    return Rule(_SOME[name][_column(machine)], error, when)


def _plain(machine: str) -> list[Rule]:
    column = _column(machine)
    rules: list[Rule] = []
    for table, error in ((_NEVER, 1), (_ABSENT, ENOSYS)):
        for numbers in table.values():
            number = numbers[column]
            if number is not None:
                rules.append(Rule(number, error))
    return rules


def zygote_filter(machine: str, *, tie: bool = False) -> bytes:
    """Make the filter under which a function's module is imported and its instances forked.

    ``tie``: its instances may still tie themselves to its life, where no namespace does that.
    """
    fixed = (kernel.PR_SET_DUMPABLE, _PR_SET_MM, _PR_SCHED_CORE)
    those_of_instances = Masked(0, (0, INSTANCE_NAMESPACES), mask=NAMESPACES, unless=True)
    families = Masked(0, _FAMILIES, unless=True)
    rules = [
        _some(machine, "clone", those_of_instances),
        _some(machine, "unshare", Masked(0, (INSTANCE_NAMESPACES,), unless=True, high=True)),
        _some(
            machine,
            "mount",
            Masked(3, (TMPFS_FLAGS, PROC_FLAGS, kernel.MS_BIND), unless=True, high=True),
        ),
        _some(machine, "socket", families, error=EAFNOSUPPORT),
        _some(machine, "socketpair", families, error=EAFNOSUPPORT),
        _some(machine, "ioctl", Masked(1, (_TIOCSTI, _TIOCLINUX, _TIOCSETD))),
        # The zygote's tie to its parent must hold; and who may look into us is settled.
        _some(machine, "prctl", Masked(0, fixed if tie else (kernel.PR_SET_PDEATHSIG, *fixed))),
        _some(machine, "personality", Masked(0, _PERSONALITIES, unless=True)),
        *_plain(machine),
    ]
    return assemble(machine, rules, unknown=_UNKNOWN[machine])


def instance_filter(machine: str) -> bytes:
    """Make the filter that an instance adds: nothing of what made it is left to it."""
    no_namespaces = Masked(0, (0,), mask=NAMESPACES, unless=True)
    rules = [
        _some(machine, "clone", no_namespaces),
        _some(machine, "unshare", no_namespaces),
        _some(machine, "prctl", Masked(0, (kernel.PR_SET_PDEATHSIG,))),
        Rule(_SOME["mount"][_column(machine)]),
        _some(machine, "socket", Masked(2, _PROTOCOLS, unless=True), error=EPROTONOSUPPORT),
    ]
    return assemble(machine, rules, unknown=())
