"""The outer wall: the bubblewrap command line of a box, and what to do where bubblewrap is not allowed."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

from autograder.errors import BoxBroken, BoxUnavailable
from autograder.sandbox import policy
from autograder.sandbox.inside import zygote
from autograder.sandbox.policy import Mount

#: The code of ours in the box, and nothing else of ours.
INSIDE = Path(__file__).with_name("inside")

#: What root keeps in the box: to make namespaces for each notebook, and to become in them a user no account has.
ROOT_KEEPS = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID")

INSTALL_ADVICE = (
    "Install bubblewrap (Debian and Ubuntu: sudo apt-get install bubblewrap). Where it is installed and refused, user "
    "namespaces are switched off: on Ubuntu 24.04, sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0; under "
    "Docker or Podman, start the container with --privileged, or with --cap-add SYS_ADMIN --cap-add NET_ADMIN "
    "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined "
    "(Podman: unmask=ALL)."
)

_START = "import sys; sys.path.append('/box'); from inside import zygote; sys.path.remove('/box'); zygote.main({})"


def command(control: int, *, as_root: bool, packages: tuple[str, ...] = ()) -> list[str]:
    """Return the bubblewrap command line that opens a box.

    ``control`` is the open descriptor of the socket by which the box gets its orders. ``as_root`` says that root opens
    it, who needs no user namespace to do so. ``packages`` are the distributions that the course allows besides.

    Raises
    ------
    BoxUnavailable
        If there is no bubblewrap.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise BoxUnavailable(f"The program bwrap was not found, and without the box nothing is run. {INSTALL_ADVICE}")
    mounts = [*policy.system_mounts(), *policy.python_mounts(), *policy.library_mounts(packages)]
    mounts += [*policy.engine_mounts(), Mount(INSIDE, "/box/inside")]
    line = [bwrap, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    line += ["--hostname", "box", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    if as_root:
        for right in ROOT_KEEPS:
            line += ["--cap-add", right]
    else:
        line += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    for directory in [*_parents(mounts), "/box/run"]:
        line += ["--perms", "0755", "--dir", directory]
    for mount in mounts:
        line += ["--ro-bind" if mount.required else "--ro-bind-try", str(mount.source), mount.target]
    for hidden in policy.hidden_directories():
        line += ["--perms", "0755", "--size", "4096", "--tmpfs", hidden, "--remount-ro", hidden]
    for link in ("lib", "lib64"):
        if Path("/", link).exists():
            line += ["--symlink", f"usr/{link}", f"/{link}"]
    # What the box itself writes while it gets ready; each notebook has a /tmp and a /dev/shm of its own.
    line += ["--proc", "/proc", "--dev", "/dev", "--perms", "0755", "--size", str(1 << 24), "--tmpfs", "/tmp"]
    # In a user namespace the box's user owns /dev, a file system in memory without a bound.
    line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    for name, value in policy.environment().items():
        line += ["--setenv", name, value]
    return [*line, "/box/python/bin/python", "-I", "-S", "-c", _START.format(control)]


def _parents(mounts: list[Mount]) -> list[str]:
    # bubblewrap would make these for its own user alone, and the box's user could not pass.
    found: dict[str, None] = {}
    for mount in mounts:
        for parent in reversed(PurePosixPath(mount.target).parents):
            if str(parent) != "/":
                found[str(parent)] = None
    return list(found)


def refuse(complaint: str) -> None:
    """Raise what a box deserves that ended before it was ready.

    Raises
    ------
    BoxUnavailable
        If bubblewrap, or the box itself, says which wall this machine does not let it build.
    BoxBroken
        If the box was built and broke.
    """
    for line in complaint.splitlines():
        if line.startswith(("bwrap:", zygote.REFUSED)):
            raise BoxUnavailable(f"The box could not be built: {line}. {INSTALL_ADVICE}")
    raise BoxBroken(f"The box ended before any notebook ran: {complaint or 'it said nothing'}")
