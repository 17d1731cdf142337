"""A filter of system calls: what a program that computes never needs, and what memory limits do not see."""

import platform
import struct

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

#: Call → its number on x86-64 and on 64-bit ARM (``asm/unistd_64.h``, ``asm-generic/unistd.h``).
FORBIDDEN = {
    # Memory that no limit of the process counts.
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    # Other processes, other namespaces, mounts.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    # The kernel itself.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "syslog": (103, 116),
}

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM = 1


def forbidding_filter(machine: str | None = None) -> bytes:
    """The filter as the kernel takes it (classic BPF), or ``b""`` for a machine whose numbers are not known.

    A forbidden call fails with ``EPERM``; a call by the numbers of another architecture ends the program.

    Args:
        machine: Name of the architecture; this machine's by default.

    Examples:
        >>> len(forbidding_filter("x86_64")) % 8, forbidding_filter("riscv64")
        (0, b'')
    """
    known = _ARCHITECTURES.get(platform.machine() if machine is None else machine)
    if known is None:
        return b""
    architecture, column = known
    numbers = sorted({pair[column] for pair in FORBIDDEN.values()})
    steps = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, len(numbers) + 1, 0, 0x40000000),  # the x32 numbers of x86-64
    ]
    steps += [(_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERROR | _EPERM)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
