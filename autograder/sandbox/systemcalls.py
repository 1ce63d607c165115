"""Which system calls a notebook may make, and the filter that refuses all others.

The list is what Python and the scientific stack need to compute, draw, and handle files and processes of their own.
Whatever is not on it, or not known to the libseccomp of this machine, is answered as by a kernel that does not have it:
so ptrace, process_vm_readv, bpf, perf_event_open, userfaultfd, the kernel's keys, mounts, namespaces, io_uring, kexec,
modules, handles of files, and memory that no limit counts (memfd_create, System V segments) are not there at all.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterable
from functools import cache, partial

from autograder.errors import BoxUnavailable

_FILES = """
    access chdir chmod close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
    fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fgetxattr flistxattr fstat fstatfs
    ftruncate futimesat getcwd getdents getdents64 getxattr ioctl lgetxattr link linkat listxattr llistxattr
    lseek lstat mkdir mkdirat mknod mknodat newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2
    pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir sendfile stat
    statfs statx symlink symlinkat truncate umask unlink unlinkat utime utimensat utimes write
    writev chown lchown
"""
_MEMORY = "brk madvise mincore mlock mlock2 mlockall mmap mprotect mremap munlock munlockall munmap membarrier"
_PROCESSES = """
    arch_prctl capget execve execveat exit exit_group fork futex futex_waitv get_robust_list getcpu getegid geteuid
    getgid getgroups getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid
    gettid getuid kill pidfd_open pidfd_send_signal prctl rseq rt_sigaction rt_sigpending rt_sigprocmask
    rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
    sched_yield set_robust_list set_tid_address setpgid setrlimit setsid sigaltstack sysinfo tgkill tkill times
    uname vfork wait4 waitid restart_syscall pause alarm
"""
_TIME = """
    clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
    timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime getrandom
"""
_WAITING = """
    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 poll ppoll pselect6 select
    signalfd signalfd4
"""
_SOCKETS = """
    accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg
    sendto shutdown
"""
ALLOWED = frozenset(" ".join((_FILES, _MEMORY, _PROCESSES, _TIME, _WAITING, _SOCKETS)).split())

#: What is answered as done and is not: a notebook's files live in memory, and only the host's disks could be reached.
PRETENDED = ("fdatasync", "fsync", "msync", "sync", "sync_file_range", "syncfs")

#: What a process may do to its own scheduling, named as 0, and to no other's.
OWN_SCHEDULING = ("prlimit64", "sched_setaffinity", "sched_setparam", "sched_setscheduler")

#: Commands of fcntl: the descriptors' own, what is known of locks, and pipes' sizes. Leases and F_NOTIFY are not among
#: them: they tell when others use a file.
FILE_COMMANDS = (*range(6), *range(8, 12), 36, fcntl.F_DUPFD_CLOEXEC, 1031, 1032)

#: Those that lock parts of a file (traditional, and of open files) are answered as done and are not: nobody but the
#: notebook has its files, and the box's are the host's. Nothing bounds the number of locks, whoever closes a file with
#: some looks through them all, and those of an open file that is not the notebook's own outlive it.
LOCKS = (6, 7, 37, 38)

#: Options of sockets, but for those that make buffers larger (answered as done and are not): no process is said to hold
#: what is in them.
BUFFER_SIZES = (socket.SO_SNDBUF, socket.SO_RCVBUF)
SOCKET_OPTIONS = tuple(sorted({*range(1, 84)} - {*BUFFER_SIZES}))

#: clone may start processes and threads, but no namespace: any of CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER,
#: NEWPID, NEWNET. Its successor clone3 takes the flags where no filter can read them, and is not there.
NAMESPACE_FLAGS = 0x7E020000

ADVICE = (
    "The filter of system calls cannot be made here: {}. Install libseccomp 2.5 or later (Debian and Ubuntu: sudo "
    "apt-get install libseccomp2)."
)


@cache
def compiled_filter() -> bytes:
    """Return the filter as the program that the kernel runs, made by libseccomp for this machine's processor.

    Raises
    ------
    BoxUnavailable
        If there is no libseccomp, or it does not know this processor.
    """
    try:
        import pyseccomp  # which looks for libseccomp when it is imported

        rules = pyseccomp.SyscallFilter(defaction=pyseccomp.ERRNO(errno.ENOSYS))
        allow = partial(_rule, rules, pyseccomp.ALLOW)
        for name in sorted(ALLOWED):
            allow(name)
        for name in PRETENDED:
            _rule(rules, pyseccomp.ERRNO(0), name)
        for name in OWN_SCHEDULING:
            allow(name, pyseccomp.Arg(0, pyseccomp.EQ, 0))
        allow("setpriority", *(pyseccomp.Arg(n, pyseccomp.EQ, os.PRIO_PROCESS) for n in (0, 1)))
        for command in FILE_COMMANDS:
            # The kernel looks at these 32 bits alone.
            allow("fcntl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, command))
        for command in LOCKS:
            _rule(rules, pyseccomp.ERRNO(0), "fcntl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, command))
        for option in SOCKET_OPTIONS:
            allow("setsockopt", pyseccomp.Arg(2, pyseccomp.MASKED_EQ, 0xFFFFFFFF, option))
        for option in BUFFER_SIZES:
            _rule(rules, pyseccomp.ERRNO(0), "setsockopt", pyseccomp.Arg(2, pyseccomp.MASKED_EQ, 0xFFFFFFFF, option))
        allow("clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, NAMESPACE_FLAGS, 0))
        # Buffers of the Internet's protocols are counted for no control group.
        _rule(rules, pyseccomp.ERRNO(errno.EAFNOSUPPORT), "socket", pyseccomp.Arg(0, pyseccomp.NE, int(socket.AF_UNIX)))
        for name in ("socket", "socketpair"):
            allow(name, pyseccomp.Arg(0, pyseccomp.EQ, int(socket.AF_UNIX)))
        with tempfile.TemporaryFile() as file:
            rules.export_bpf(file)
            file.seek(0)
            return file.read()
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise BoxUnavailable(ADVICE.format(error)) from error


def numbers(names: Iterable[str]) -> dict[str, int]:
    """Return the numbers that system calls have on this processor, those left out that it or libseccomp do not know."""
    import pyseccomp

    found = {name: pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) for name in names}
    return {name: number for name, number in found.items() if number >= 0}


def _rule(rules: object, action: int, name: str, *arguments: object) -> None:
    for number in numbers([name]).values():
        rules.add_rule(action, number, *arguments)  # type: ignore[attr-defined]
