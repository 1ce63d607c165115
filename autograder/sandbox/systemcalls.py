"""Which system calls a notebook may make, and the filter that refuses all others.

The list is what Python and the scientific stack need to compute, draw, and handle files and processes of their own.
Whatever is not on it, or not known to the libseccomp of this machine, is answered as by a kernel that does not have it:
so ptrace, process_vm_readv, bpf, perf_event_open, userfaultfd, the kernel's keys, mounts, namespaces, io_uring, kexec,
modules, handles of files, and memory that no limit counts (memfd_create, System V segments) are not there at all.
"""

from __future__ import annotations

import errno
import socket
import tempfile
from collections.abc import Iterable
from functools import cache

from autograder.errors import BoxUnavailable

_FILES = """
    access chdir chmod close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
    fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr fstat fstatfs
    fsync ftruncate futimesat getcwd getdents getdents64 getxattr ioctl lgetxattr link linkat listxattr llistxattr
    lseek lstat mkdir mkdirat mknod mknodat newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2
    pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir sendfile stat
    statfs statx symlink symlinkat sync_file_range truncate umask unlink unlinkat utime utimensat utimes write
    writev chown lchown sync syncfs
"""
_MEMORY = "brk madvise mincore mlock mlock2 mlockall mmap mprotect mremap msync munlock munlockall munmap membarrier"
_PROCESSES = """
    arch_prctl capget execve execveat exit exit_group fork futex futex_waitv get_robust_list getcpu getegid geteuid
    getgid getgroups getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid
    gettid getuid kill pidfd_open pidfd_send_signal prctl rseq rt_sigaction rt_sigpending rt_sigprocmask
    rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
    sched_setaffinity sched_setparam sched_setscheduler sched_yield set_robust_list set_tid_address setpgid
    setpriority setrlimit setsid sigaltstack sysinfo tgkill tkill times uname vfork wait4 waitid restart_syscall
    pause alarm
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
    sendto setsockopt shutdown
"""
ALLOWED = frozenset(" ".join((_FILES, _MEMORY, _PROCESSES, _TIME, _WAITING, _SOCKETS)).split())

#: Families a socket may be of: all of them end at the notebook's own network, where there is nothing.
SOCKET_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)

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
        for name in sorted(ALLOWED):
            _allow(rules, name)
        # One's own limits, and not those of the process that watches the clock.
        _allow(rules, "prlimit64", pyseccomp.Arg(0, pyseccomp.EQ, 0))
        no_namespace = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, NAMESPACE_FLAGS, 0)
        _allow(rules, "clone", no_namespace)
        for family in SOCKET_FAMILIES:
            _allow(rules, "socket", pyseccomp.Arg(0, pyseccomp.EQ, int(family)))
        # Programs that ask for the machine's interfaces take this answer for "none".
        rules.add_rule(
            pyseccomp.ERRNO(errno.EOPNOTSUPP), "socket", pyseccomp.Arg(0, pyseccomp.EQ, int(socket.AF_NETLINK))
        )
        _allow(rules, "socketpair", pyseccomp.Arg(0, pyseccomp.EQ, int(socket.AF_UNIX)))
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


def _allow(rules: object, name: str, *arguments: object) -> None:
    import pyseccomp

    for number in numbers([name]).values():
        rules.add_rule(pyseccomp.ALLOW, number, *arguments)  # type: ignore[attr-defined]
