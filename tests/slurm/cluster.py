"""A throw-away SLURM of two nodes on this machine: `with Cluster() as cluster`, or `python tests/slurm/cluster.py`.

Real daemons (munged, slurmctld, two slurmd, slurmdbd over MariaDB where installed) that listen on loopback only and keep
everything in a folder of their own. Outside it lies one link, SLURM's default configuration file, because Snakemake's
plugin drops the variable that could name another. A configuration of somebody else there is left alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

DEFAULT = Path("/etc/slurm/slurm.conf")
PREFIX = "lazyrich-slurm-"
NODES = ("lazyrich1", "lazyrich2")
CPUS = 4
MEMORY_MB = 8000
SECONDS_TO_START = 60
DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch")
ACCOUNTING = ("slurmdbd", "mariadbd", "mariadb-install-db", "my_print_defaults")

SLURM_CONF = """\
ClusterName=lazyrich
SlurmctldHost={host}({address})
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
# How long a job whose node was lost waits before it starts anew, too (120 s if not set).
AuthInfo=socket={folder}/munge.socket,cred_expire=10
# Daemons listen where this machine's name leads, which is loopback, not everywhere.
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/%n
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
# The least loaded node first, so that a few small jobs are on both.
SelectTypeParameters=CR_CPU_Memory,CR_LLN
# Memory is watched once a second, and a job that takes more than it asked for is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/{accounting}
AccountingStorageHost={address}
AccountingStoragePort={ports[3]}
AccountingStoragePass={folder}/munge.socket
# Pending jobs are looked at every two seconds instead of once a minute.
SchedulerParameters=sched_interval=2,bf_interval=2
KillWait=3
# Sites differ; whoever wants a job back after a lost node must say so.
JobRequeue=0
ReturnToService=2
# Nodes are what is written here, whatever the machine below them has.
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={nodes[0]} NodeHostname={host} NodeAddr={address} Port={ports[1]} CPUs={cpus} RealMemory={memory}
NodeName={nodes[1]} NodeHostname={host} NodeAddr={address} Port={ports[2]} CPUs={cpus} RealMemory={memory} Gres=gpu:1
PartitionName=short Nodes={nodes[0]},{nodes[1]} Default=YES MaxTime=120 State=UP
"""
# A GPU in name only: SLURM hands it out, nothing can compute on it.
GRES_CONF = "NodeName={nodes[1]} Name=gpu File=/dev/null\n"
SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr={address}
CommunicationParameters=NoInAddrAny
DbdPort={ports[3]}
SlurmUser=root
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
"""


def why_not() -> str | None:
    """What keeps a cluster from being started here, in one sentence; None if nothing does."""
    missing = [name for name in DAEMONS if not shutil.which(name)]
    if missing:
        return f"SLURM is not installed: no {', '.join(missing)}; on Debian: apt-get install slurm-wlm munge"
    if os.geteuid() != 0:
        return f"only root can start a SLURM here and write {DEFAULT}"
    if os.path.lexists(DEFAULT) and _owner() is None:
        return f"{DEFAULT} belongs to another SLURM and is left alone"
    if not _address().startswith("127."):
        return f"this machine's name leads to {_address()}, not to loopback; let it lead to 127.0.0.1 in /etc/hosts"
    return None


def _address() -> str:
    """Where SLURM's daemons will listen: they ask for the address of the machine's name, and take no other."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "nowhere"


def _owner() -> Path | None:
    """The folder of the throw-away cluster that the default configuration leads to, if it leads to one."""
    if not DEFAULT.is_symlink():
        return None
    folder = DEFAULT.readlink().parent
    return folder if folder.name.startswith(PREFIX) else None


def _where(true: Callable[[psutil.Process], object]) -> list[psutil.Process]:
    """Every process of which this is true."""
    found = []
    for process in psutil.process_iter():
        try:
            if true(process):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _kill(processes: list[psutil.Process]) -> None:
    """As a power cut does it; the call returns when they are gone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=SECONDS_TO_START)


def _of_daemons(folder: Path) -> list[psutil.Process]:
    """Those that carry the cluster's mark."""
    return _where(lambda process: process.environ().get("LAZYRICH_SLURM") == str(folder))


def _of_steps(folder: Path, node: str) -> list[psutil.Process]:
    """A node's daemon and the daemons of its job steps, which have no environment but hold its log open."""
    log = str(folder / f"{node}.log")
    return _where(lambda process: any(file.path == log for file in process.open_files()))


def _of_jobs(node: str) -> list[psutil.Process]:
    """What jobs on a node have started."""
    return _where(lambda process: process.environ().get("SLURMD_NODENAME") == node)


def _kill_node(folder: Path, node: str) -> None:
    """The daemons first, so that none of them reports the end of a job."""
    _kill(_of_steps(folder, node))
    _kill(_of_jobs(node))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind((_address(), 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Cluster:
    """The cluster between `with` and its end; a second one waits until the first has gone.

    Raises RuntimeError if it cannot be started here, with what `why_not` says or with the daemons' logs.
    """

    nodes = NODES

    def __init__(self) -> None:
        self.accounting = all(shutil.which(name) for name in ACCOUNTING)
        self._started: list[subprocess.Popen] = []  # kept, so that Python does not complain of processes left alone

    def __enter__(self) -> Cluster:
        if (reason := why_not()) is not None:
            raise RuntimeError(reason)
        # The folder of the one file outside is the lock: it is always there and its locks end with their process.
        self._lock = os.open(DEFAULT.parent, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        if (left := _owner()) is not None:  # its process was killed before it could tear down
            self._remove(left)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._remove(self.folder)
        os.close(self._lock)

    @staticmethod
    def _remove(folder: Path) -> None:
        for node in NODES:
            _kill_node(folder, node)
        _kill(_of_daemons(folder))
        DEFAULT.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)

    def _start(self) -> None:
        for name in ("state", *NODES):
            (self.folder / name).mkdir()
        values = {
            "folder": self.folder,
            "host": socket.gethostname(),
            "address": _address(),
            "ports": _free_ports(4),
            "nodes": NODES,
            "cpus": CPUS,
            "memory": MEMORY_MB,
            "accounting": "slurmdbd" if self.accounting else "none",
        }
        for name, text in (("slurm", SLURM_CONF), ("gres", GRES_CONF), ("slurmdbd", SLURMDBD_CONF)):
            path = self.folder / f"{name}.conf"
            path.write_text(text.format(**values), encoding="utf-8")
            path.chmod(0o600 if name == "slurmdbd" else 0o644)
        DEFAULT.symlink_to(self.folder / "slurm.conf")

        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self._daemon(
            "munged",
            *("--foreground", "--force", f"--key-file={key}", f"--socket={self.folder}/munge.socket"),
            *(f"--{name}-file={self.folder}/munged.{name}" for name in ("pid", "log", "seed")),
        )
        self._until("munged answers", lambda: (self.folder / "munge.socket").exists())
        if self.accounting:
            self._start_accounting()
        self._daemon("slurmctld", "-D")
        for node in NODES:
            self.start_node(node)

    def _start_accounting(self) -> None:
        """MariaDB without users, passwords or network, behind a socket in a folder that only root may enter."""
        data, port = self.folder / "mariadb", str(self.folder / "mariadb.socket")
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", "--user=root", "--skip-test-db", f"--datadir={data}"],
            check=True,
            capture_output=True,
        )
        self._daemon(
            "mariadbd",
            *("--no-defaults", "--user=root", "--skip-networking", "--skip-grant-tables"),
            *(f"--datadir={data}", f"--socket={port}", f"--pid-file={self.folder}/mariadbd.pid"),
        )
        self._until("MariaDB answers", lambda: Path(port).exists())
        self._daemon("slurmdbd", "-D", MYSQL_UNIX_PORT=port)
        add = ["sacctmgr", "--immediate", "add", "cluster", "lazyrich"]
        self._until("slurmdbd knows the cluster", lambda: subprocess.run(add, capture_output=True).returncode == 0)

    def _daemon(self, name: str, *arguments: str, **variables: str) -> None:
        """Start one in the foreground of a session of its own, so that an interrupt at the terminal spares it."""
        conf = str(self.folder / "slurm.conf")  # the others are looked for beside it
        with open(self.folder / f"{name}.out", "ab") as out:
            started = subprocess.Popen(
                [shutil.which(name), *arguments],
                env={**os.environ, "LAZYRICH_SLURM": str(self.folder), "SLURM_CONF": conf, **variables},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._started.append(started)

    def _until(self, what: str, true: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS_TO_START
        while not true():
            if time.monotonic() > end:
                logs = [*self.folder.glob("*.log"), *self.folder.glob("*.out")]
                tails = [f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}" for log in logs]
                raise RuntimeError("\n".join([f"waited {SECONDS_TO_START} s in vain: {what}", *tails]))
            time.sleep(0.1)

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this cluster."""
        nodes = [process for node in NODES for process in (*_of_steps(self.folder, node), *_of_jobs(node))]
        return [*_of_daemons(self.folder), *nodes]

    def state(self, node: str) -> str:
        """What SLURM says of a node: idle, mixed, allocated, down and so on; empty while SLURM does not answer."""
        done = subprocess.run(["sinfo", "-hn", node, "-o", "%T"], capture_output=True, text=True)
        return done.stdout.strip()

    def stop_node(self, node: str) -> None:
        """Cut a node's power: its daemon and all that ran on it are gone, and SLURM finds it down."""
        _kill_node(self.folder, node)
        subprocess.run(["scontrol", "update", f"nodename={node}", "state=down", "reason=test"], check=True)

    def start_node(self, node: str) -> None:
        """Start a node, or start it again, and wait until it takes jobs."""
        if self.state(node).startswith("down"):
            subprocess.run(["scontrol", "update", f"nodename={node}", "state=resume"], check=True)
        self._daemon("slurmd", "-D", "-N", node)
        self._until(f"{node} is idle", lambda: self.state(node) in ("idle", "mixed", "allocated"))


if __name__ == "__main__":
    with Cluster() as here:
        print(f"{', '.join(here.nodes)} take jobs (sinfo, sbatch, squeue). Files: {here.folder}. Enter ends it.")
        sys.stdin.readline()
