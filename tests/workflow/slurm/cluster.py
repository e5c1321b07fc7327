"""A real Slurm on the loopback address: controller, accounting, virtual nodes, two of them with a feigned GPU.

Its daemons are children of this process and live in one folder; nothing of the machine's own is touched, and nothing is
left when it ends. To look at one by hand: `python -m tests.workflow.slurm.cluster /tmp/slurm` and, beside it, what it
prints.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.workflow.slurm.packages import install

#: GPUs of each node. It claims CPU cores and memory that the machine need not have.
NODES = {"c1": 0, "c2": 0, "g1": 1, "g2": 1}
CPUS, MEMORY_MB = 8, 32000
PATIENCE_S = 30
#: What a user calls. Snakemake's inner srun loses SLURM_CONF, so each is wrapped in a script that sets it.
CLIENTS = ("sacct", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun")
SQL = Path("/usr/share/mysql")
TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")


class ClusterError(RuntimeError):
    """A daemon did not come up."""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens at."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@dataclass
class Job:
    """A line of the accounting records: where a job ran, with what, how it ended, and what folder it was sent from."""

    id: str
    name: str
    state: str
    node: str
    tres: dict[str, str]
    folder: str
    comment: str


class Cluster:
    """A cluster in a folder.

    Args:
        folder: of at most 60 characters, since its sockets' names are short; made if it is not there.
    """

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        if len(str(self.folder)) > 60:
            raise ValueError(f"{self.folder} is too long for the sockets in it")
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder),
            "LC_ALL": "C",
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "MYSQL_UNIX_PORT": str(self.folder / "database.sock"),
        }

    @property
    def bin(self) -> Path:
        """What has to come first in PATH to use this cluster."""
        return self.folder / "bin"

    def __enter__(self) -> "Cluster":
        try:
            self._write()
            self._start_all()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Files.

    def _write(self) -> None:
        folder = self.folder
        for name in ("", "bin", "log", "state", "database", "dev", *(f"spool/{node}" for node in NODES)):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.port = dict(zip(("slurmctld", "slurmdbd", *NODES), free_ports(2 + len(NODES)), strict=True))
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        (folder / "dev" / "gpu0").symlink_to("/dev/null")
        shared = f"""
            AuthType=auth/munge
            AuthInfo=socket={folder}/munge.sock
        """
        nodes = "\n".join(
            f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={self.port[node]} CPUs={CPUS} "
            f"RealMemory={MEMORY_MB}" + (f" Gres=gpu:{gpus}" if gpus else "")
            for node, gpus in NODES.items()
        )
        self._text(
            "slurm.conf",
            f"""
            ClusterName=partnerface
            SlurmctldHost=localhost(127.0.0.1)
            SlurmctldPort={self.port["slurmctld"]}
            # Nobody else in the network is to see it.
            CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
            SlurmUser={_user()}
            SlurmdUser={_user()}
            {shared}
            CredType=cred/munge
            SlurmctldPidFile={folder}/slurmctld.pid
            SlurmdPidFile={folder}/slurmd-%n.pid
            StateSaveLocation={folder}/state
            SlurmdSpoolDir={folder}/spool/%n
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            MpiDefault=none
            SwitchType=switch/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_CPU_Memory
            DefMemPerCPU=500
            SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=5
            # squeue shall know a job for long after its end, and a dead node is to be given up soon.
            MinJobAge=3600
            SlurmdTimeout=10
            SlurmctldTimeout=20
            # A job that its node knows nothing of is over ten seconds after its start.
            BatchStartTimeout=5
            MessageTimeout=5
            KillWait=5
            ReturnToService=2
            # Retries are Snakemake's: a job that Slurm starts again under its old number confuses it. One that asks for
            # it by --requeue is started again by its exit status of 75.
            JobRequeue=0
            RequeueExit=75
            # What is sent to `urgent` takes the place of what runs in `main`, which has ten seconds to write its state.
            PreemptType=preempt/partition_prio
            PreemptMode=REQUEUE
            SlurmdParameters=config_overrides
            AccountingStorageType=accounting_storage/slurmdbd
            AccountingStorageHost=127.0.0.1
            AccountingStoragePort={self.port["slurmdbd"]}
            AccountingStoragePass={folder}/munge.sock
            AccountingStorageTRES=gres/gpu
            AccountingStoreFlags=job_comment
            JobAcctGatherType=jobacct_gather/linux
            JobAcctGatherFrequency=task=1
            GresTypes=gpu
            PartitionName=main Nodes={",".join(NODES)} Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=10
            PartitionName=urgent Nodes={",".join(NODES)} MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
            """
            + nodes,
        )
        # Without a file Slurm counts no GPU; one that is no device gets no CUDA_VISIBLE_DEVICES.
        self._text(
            "gres.conf", "\n".join(f"NodeName={n} Name=gpu File={folder}/dev/gpu0" for n, g in NODES.items() if g)
        )
        # slurmd looks for control groups even where nothing asks for them.
        self._text("cgroup.conf", "CgroupPlugin=cgroup/v1")
        self._text(
            "slurmdbd.conf",
            f"""
            {shared}
            DbdHost=localhost
            DbdAddr=127.0.0.1
            DbdPort={self.port["slurmdbd"]}
            SlurmUser={_user()}
            PidFile={folder}/slurmdbd.pid
            StorageType=accounting_storage/mysql
            StorageHost=localhost
            StorageUser={_user()}
            StorageLoc=slurm
            """,
        ).chmod(0o600)
        for name in CLIENTS:
            script = self._text(f"bin/{name}", f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec /usr/bin/{name} "$@"')
            script.chmod(0o755)

    def _text(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
        return path

    # Daemons.

    def _start_all(self) -> None:
        folder = self.folder
        self._start(
            "munged",
            "munged", "--foreground", "--force", f"--socket={folder}/munge.sock", f"--key-file={folder}/munge.key",
            f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munged.seed", f"--log-file={folder}/log/munged",
        )  # fmt: skip
        self._wait("munged", (folder / "munge.sock").is_socket)
        database = ["mariadbd", "--no-defaults", f"--datadir={folder}/database", f"--user={_user()}"]
        if not (folder / "database" / "mysql").exists():
            tables = "".join((SQL / name).read_text() for name in TABLES)
            script = f"create database mysql;\nuse mysql;\n{tables}\n"
            subprocess.run(
                [*database, "--bootstrap"], input=script.encode(), check=True, env=self.environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        self._start("mariadbd", *database, "--skip-networking", f"--socket={folder}/database.sock")
        self._wait("mariadbd", lambda: _answers(folder / "database.sock"))
        self.start("slurmdbd")
        self.start("slurmctld")
        for node in NODES:
            self.start(node)
        self.wait_for_nodes()

    def start(self, name: str) -> None:
        """Start the controller, the accounting or a node, and wait until it listens."""
        conf = str(self.folder / "slurm.conf")
        if name == "slurmdbd":
            self._start(name, "slurmdbd", "-D")
        elif name == "slurmctld":
            self._start(name, "slurmctld", "-D", "-f", conf)
        else:
            self._start(name, "slurmd", "-D", "-f", conf, "-N", name)
        self._wait(name, lambda: _listens(self.port[name]))

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / "log" / name).open("ab") as log:
            # In groups of their own: a Ctrl-C in the terminal is for us, who end them in order.
            self.daemons[name] = subprocess.Popen(
                command, env=self.environment | {"PARTNERFACE_NODE": name}, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self.folder, start_new_session=True,
            )  # fmt: skip

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not ready():
            if self.daemons[name].poll() is not None or time.monotonic() > end:
                lines = (self.folder / "log" / name).read_text(errors="replace").splitlines()[-5:]
                raise ClusterError(f"{name} did not come up: " + " | ".join(lines))
            time.sleep(0.05)

    def wait_for_nodes(self) -> None:
        """Until every node can take jobs."""
        end = time.monotonic() + PATIENCE_S
        while True:
            states = self.run("sinfo", "-h", "-N", "-p", "main", "-o", "%t").split()
            if len(states) == len(NODES) and all(state in ("idle", "mix", "alloc") for state in states):
                return
            if time.monotonic() > end:
                raise ClusterError(f"nodes are {', '.join(states) or 'not there'}")
            time.sleep(0.2)

    def crash(self, name: str) -> None:
        """Kill a daemon as a power cut would: of a node also its jobs, each with all that it started."""
        daemon = self.daemons.pop(name)
        daemon.kill()
        daemon.wait()
        if name in NODES:
            for pid in list(self._processes(f"SLURMD_NODENAME={name}")) + list(
                self._processes(f"PARTNERFACE_NODE={name}")
            ):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def restart(self, name: str) -> None:
        """End a daemon in order and start it again, as an administrator does."""
        daemon = self.daemons.pop(name)
        daemon.terminate()
        daemon.wait(PATIENCE_S)
        self.start(name)

    def stop(self) -> None:
        """End all jobs and daemons."""
        if "slurmctld" in self.daemons:
            with contextlib.suppress(subprocess.SubprocessError):
                self.run("scancel", "--user", _user())
        order = [*NODES, "slurmctld", "slurmdbd", "mariadbd", "munged"]
        for name in sorted(self.daemons, key=order.index):
            daemon = self.daemons.pop(name)
            daemon.terminate()
            try:
                daemon.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for pid in self.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def left(self) -> list[int]:
        """Processes of this cluster that are alive: daemons, and jobs with what they started."""
        return list(self._processes(f"SLURM_CONF={self.folder}/slurm.conf"))

    def _processes(self, variable: str) -> Iterator[int]:
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                here = path.read_bytes().split(b"\0")
                mine = f"SLURM_CONF={self.folder}/slurm.conf".encode() in here
                if mine and variable.encode() in here and int(path.parent.name) != os.getpid():
                    yield int(path.parent.name)

    # What a user asks it.

    def run(self, *command: str) -> str:
        """What one of the commands prints.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        done = subprocess.run(command, env=self.environment, text=True, capture_output=True, timeout=60)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout

    def jobs(self) -> list[Job]:
        """All jobs, from the accounting records."""
        fields = "JobID,JobName,State,NodeList,AllocTRES,WorkDir,Comment"
        lines = self.run(
            "sacct", "-X", "-n", "-P", "--delimiter=\t", f"--format={fields}", "-S", "now-1day"
        ).splitlines()
        found = []
        for line in lines:
            id, name, state, node, tres, folder, comment = line.split("\t")
            amounts = dict(pair.split("=", 1) for pair in tres.split(",") if "=" in pair)
            found.append(Job(id, name, state.split()[0], node, amounts, folder, comment))
        return found


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def main() -> None:
    """Start one, say how to use it, end it at Ctrl-C or SIGTERM."""
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, signal.default_int_handler)
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "/tmp/partnerface-slurm")
    install()
    with Cluster(folder) as cluster:
        print(
            textwrap.dedent(f"""\
            up; in another terminal:  export PATH={cluster.bin}:$PATH
            logs are in {folder / "log"}; Ctrl-C ends it""")
        )
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
