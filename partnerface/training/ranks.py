"""Several processes that train one avatar: each takes its share of a step's frames, and they average the gradients.

`torchrun` starts them (`start` calls it), one for each GPU; each learns from the environment who it is. Random choices
are made alike by all, and what a loss or a grid sums over samples is summed over all processes: they do what one
would do alone, but for the order of additions.
"""

import contextlib
import os
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from partnerface.artefacts.failures import last_line
from partnerface.errors import InputError, PartNerFaceError, StoppedError, TrainingError
from partnerface.stopping import STOPPED

LISTEN_S = 3


class Ranks:
    """The group of processes that a training runs in; of one, as everywhere but under torchrun.

    Attributes:
        rank: this one's number; 0 prints and writes. size: how many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1):
        self.rank, self.size = rank, size

    @property
    def leads(self) -> bool:
        """Whether this process is the one that prints and writes."""
        return self.rank == 0

    @torch.no_grad()
    def mean(self, value: Tensor) -> Tensor:
        """The mean over all processes, without a gradient."""
        if self.size == 1:
            return value.detach()
        mine = value.detach().clone()
        dist.all_reduce(mine)
        return mine / self.size

    @torch.no_grad()
    def maximum(self, value: Tensor) -> Tensor:
        """The greatest value over all processes, element by element, without a gradient."""
        if self.size == 1:
            return value
        mine = value.clone()
        dist.all_reduce(mine, dist.ReduceOp.MAX)
        return mine

    def shared(self, module: nn.Module) -> nn.Module:
        """The module, with the mean of all processes' gradients in place of its own after each backward pass."""
        if self.size == 1:
            return module
        with warnings.catch_warnings():
            # torch 2.13 has a new name for broadcast_buffers, which 2.11 doesn't know.
            warnings.simplefilter("ignore", FutureWarning)
            # Which parts a step's samples meet differs between processes. Buffers are kept alike by `maximum`.
            return nn.parallel.DistributedDataParallel(module, broadcast_buffers=False, find_unused_parameters=True)


def in_group() -> bool:
    """Whether torchrun has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


@contextlib.contextmanager
def joined() -> Iterator[Ranks]:
    """The group of this process; each of several has the GPU of its number in the machine, where there are GPUs."""
    if not in_group():
        yield Ranks()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    except PartNerFaceError:
        # All meet a user's mistake at once, and the first to end is the one that is heard: that is to be process 0.
        time.sleep(LISTEN_S if dist.get_rank() else 0)
        raise
    finally:
        dist.destroy_process_group()


def start(count: int, command: Sequence[str]) -> None:
    """Run `python command` in `count` processes on this machine and wait for them, as torchrun does.

    What process 0 prints is shown; what the others print is shown when one of them is the first to fail.

    Raises:
        InputError: there are fewer GPUs than processes.
        StoppedError, TrainingError: a process stopped because it was told to, or failed.
    """
    import logging

    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    if torch.cuda.is_available() and torch.cuda.device_count() < count:
        raise InputError(
            f"{count} processes want a GPU each, but {torch.cuda.device_count()} can be seen; ask the scheduler for "
            "more (resource gpu), or give fewer --processes"
        )
    # They would share the machine's cores, and each would take all of them.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(len(os.sched_getaffinity(0)) // count, 1)))
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    # It tells of a failed process in twenty lines, and we in one.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL + 1)
    with tempfile.TemporaryDirectory(prefix="partnerface-") as folder:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            monitor_interval=0.1,
            logs_specs=DefaultLogsSpecs(log_dir=folder, redirects=dict.fromkeys(range(1, count), Std.ALL)),
        )
        try:
            elastic_launch(config, sys.executable)(*command)
        except SignalException:
            # It has passed the signal on and waited for them, who write the state when they hear it.
            raise StoppedError("told to stop; the same command goes on from the state that was written") from None
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            if failure.exitcode == STOPPED:
                raise StoppedError("told to stop; the same command goes on from the state that was written") from None
            said = "" if rank == 0 else next(map(last_line, Path(folder).glob(f"**/{rank}/stderr.log")), "")
            raise TrainingError(
                f"process {rank} of {count} ended with status {failure.exitcode}" + (f": {said}" if said else "")
            ) from None
