"""What runs inside the sandbox's first process: standard library alone, started as a file of its own.

It leaves the machine's namespaces one after the other, builds a root of read-only folders with one small writable
one, forks the process that is number 1 of the new process namespace, and from that the program under limits. When
number 1 ends, the kernel ends everything that the program has started.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

_NEW_USER, _NEW_NET, _NEW_PID, _NEW_NS, _NEW_IPC, _NEW_UTS = (
    0x10000000,
    0x40000000,
    0x20000000,
    0x00020000,
    0x08000000,
    0x04000000,
)
_NAMESPACES = (
    ("network", _NEW_NET),
    ("processes", _NEW_PID),
    ("filesystem", _NEW_NS),
    ("ipc", _NEW_IPC),
    ("names", _NEW_UTS),
)
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE, _SYS_MOUNT_SETATTR = -100, 0x8000, 442
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 22, 24, 38
_SECCOMP_FILTER = 2
_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
_UID, _NOBODY = 1000, 65534
_VERDICT = 3

_libc = ctypes.CDLL(None, use_errno=True)

# The program is read whole and run in this process; what comes after its end is said to the one who waits.
RUNNER = """
import json, os, sys
name, program = json.loads(sys.stdin.read())
null = os.open(os.devnull, os.O_RDONLY)
os.dup2(null, 0)
os.close(null)
said = name
try:
    exec(compile(program, "program", "exec"), {"__name__": "__main__"})
    sys.stdout.flush()
except SystemExit:
    said = "SystemExit"
except BaseException as error:
    said = type(error).__name__
os.write(3, said.encode("utf-8", "replace")[:200])
os._exit(0 if said == name else 1)
"""


def _call(name: str, *arguments: Any) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    _call(
        "mount", source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode() or None
    )


class _MountAttr(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "namespace"))


def _attributes(path: str, attributes: int, recursive: bool) -> None:
    wanted = _MountAttr(attributes, 0, 0, 0)
    _call(
        "syscall",
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        path.encode(),
        ctypes.c_uint(_AT_RECURSIVE if recursive else 0),
        ctypes.byref(wanted),
        ctypes.c_size_t(ctypes.sizeof(wanted)),
    )


def _write_maps(process: int, uid: int, gid: int, *, root: bool) -> None:
    folder = Path("/proc") / str(process)
    with suppress(OSError):  # an old kernel has no such file
        (folder / "setgroups").write_text("deny")
    extra = "0 0 1\n" if root else ""
    (folder / "uid_map").write_text(f"{extra}{_UID} {uid} 1\n")
    (folder / "gid_map").write_text(f"{extra}{_UID} {gid} 1\n")


def _leave_users() -> None:
    """A user namespace in which the program is an ordinary user; as root, one that is nobody outside too."""
    uid, gid, me = os.getuid(), os.getgid(), os.getpid()
    if uid != 0:
        _call("unshare", _NEW_USER)
        _write_maps(me, uid, gid, root=False)
        return
    ready, go = os.pipe()
    helper = os.fork()
    if helper == 0:  # a map of two users can only be written from outside
        code = 1
        with suppress(BaseException):
            os.close(go)
            if os.read(ready, 1):
                _write_maps(me, _NOBODY, _NOBODY, root=True)
                code = 0
        os._exit(code)
    os.close(ready)
    try:
        _call("unshare", _NEW_USER)
        os.write(go, b"1")
    finally:
        os.close(go)
        _, status = os.waitpid(helper, 0)
    if status:
        raise OSError("the user map could not be written")


def _build_root(root: str, limits: dict[str, Any], runtime: list[str]) -> None:
    """A root of read-only folders with the writable folder ``/work``, and the old one gone."""
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,nr_inodes=4096,mode=755")
    for path in dict.fromkeys((*_SYSTEM, *runtime)):
        _show(root, Path(path))
    for device in _DEVICES:
        target = Path(root + device)
        target.parent.mkdir(exist_ok=True)
        target.touch()
        _mount(device, str(target), "", _MS_BIND)
    (Path(root) / "work").mkdir()
    size, inodes = int(limits["folder_bytes"]), int(limits["files"])
    _mount(
        "tmpfs",
        f"{root}/work",
        "tmpfs",
        _MS_NOSUID | _MS_NODEV,
        f"size={size},nr_inodes={inodes + 1},mode=777",
    )
    os.chdir(root)
    _call("pivot_root", b".", b".")
    _call("umount2", b".", _MNT_DETACH)
    _attributes("/", _ATTR_RDONLY, recursive=False)
    os.chdir("/work")


def _show(root: str, path: Path) -> None:
    target = Path(root + str(path))
    if not path.exists() or target.exists() or target.is_symlink():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() and path.parent == Path("/"):
        target.symlink_to(path.readlink())
        return
    if path.is_dir():
        target.mkdir()
    else:
        target.touch()
    _mount(str(path), str(target), "", _MS_BIND | _MS_REC)
    _attributes(str(target), _ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV, recursive=True)


def _isolate(config: dict[str, Any]) -> tuple[list[str], str]:
    """Names of what was isolated, and why the rest was not."""
    had: list[str] = []
    try:
        _leave_users()
        had.append("users")
        for name, flag in _NAMESPACES:
            _call("unshare", flag)
            if name == "filesystem":
                with suppress(OSError):  # no namespaces inside the namespace
                    Path("/proc/sys/user/max_user_namespaces").write_text("0")
                _build_root(config["root"], config["limits"], config["runtime"])
            had.append(name)
    except (OSError, AttributeError) as error:
        return had, str(error)
    return had, ""


def _limit(limits: dict[str, Any], more_processes: int) -> None:
    cpu = int(limits["cpu_seconds"])
    for kind, soft, hard in (
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_AS, limits["memory_bytes"], limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"], limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"], limits["open_files"]),
        (resource.RLIMIT_NPROC, limits["processes"] + more_processes, limits["processes"] + more_processes),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(kind, (int(soft), int(hard)))


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def _forbid_calls(code: bytes) -> None:
    """Let the kernel refuse the calls that the filter names, from now on and in every child."""
    _call("prctl", _PR_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(_Filter(len(code) // 8, code)), 0, 0)


def _run_program(config: dict[str, Any], had: list[str], outer_uid: int) -> None:
    """Become the program: an ordinary user without capabilities, under limits, with nothing inherited."""
    as_root = outer_uid == 0
    if as_root:
        _call("prctl", _PR_CAPBSET_DROP, 21, 0, 0, 0)  # CAP_SYS_ADMIN, gone for good
        user = _UID if "users" in had else _NOBODY
        if "users" not in had:
            os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if "filesystem" not in had:
        os.chdir(config["root"])
    home = "/work" if "filesystem" in had else config["root"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8"}
    environment |= {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", **config["environment"]}
    verdict = os.dup(config["verdict"])
    os.dup2(config["output"], 1)
    os.dup2(config["output"], 2)
    os.dup2(verdict, _VERDICT)
    os.set_inheritable(_VERDICT, True)  # where it was number 3 already
    text = json.dumps([config["mark"], config["program"]]).encode()
    # A program may be longer than a pipe is wide: a file without a name holds it.
    held = os.memfd_create("program")
    os.write(held, text)
    os.lseek(held, 0, os.SEEK_SET)
    os.dup2(held, 0)
    os.closerange(_VERDICT + 1, 256)
    _limit(config["limits"], 0 if as_root else 2)
    if config["filter"]:
        _forbid_calls(bytes.fromhex(config["filter"]))
    os.execve(config["python"], ["python", "-s", "-S", "-P", "-B", "-c", RUNNER], environment)


def _first(config: dict[str, Any], had: list[str], outer_uid: int, report: int) -> None:
    """Number 1 of the namespace: start the program, wait for it, say how it ended."""
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    program = os.fork()
    if program == 0:
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            _run_program(config, had, outer_uid)
        except BaseException as error:
            os.write(report, json.dumps({"broken": str(error)}).encode() + b"\n")
        os._exit(127)
    os.close(config["output"])
    os.close(config["verdict"])
    while True:
        ended, status, used = os.wait4(-1, 0)
        if ended == program:
            break
    said = {
        "status": os.waitstatus_to_exitcode(status),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "memory_bytes": used.ru_maxrss * 1024,
    }
    os.write(report, json.dumps(said).encode() + b"\n")
    os._exit(0)


def main() -> None:
    """Read the configuration from standard input and run it."""
    config = json.loads(sys.stdin.read())
    report = config["report"]
    outer_uid = os.getuid()
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.alarm(int(config["limits"]["wall_seconds"]) + 5)
    had, why = _isolate(config) if config["isolate"] else ([], "not asked for")
    os.write(report, json.dumps({"isolated": had, "why": why}).encode() + b"\n")
    if config["program"] is None or not set(config["require"]) <= set(had):
        os._exit(0)
    first = os.fork()
    if first == 0:
        try:
            _first(config, had, outer_uid, report)
        except BaseException as error:
            os.write(report, json.dumps({"broken": str(error)}).encode() + b"\n")
        os._exit(126)
    os.close(config["output"])
    os.close(config["verdict"])
    os.waitpid(first, 0)
    os._exit(0)


if __name__ == "__main__":
    main()
