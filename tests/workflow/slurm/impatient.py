"""Snakemake that looks after its jobs every two seconds.

The Slurm plugin waits ten seconds longer each time that nothing has ended, which spares a cluster's controller and
would be most of a test's time. Nothing else differs from `python -m snakemake`. It runs in the launcher's environment.
"""

import asyncio
import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

INTERVAL_S = 2


async def look_again(self: RemoteExecutor) -> None:
    await asyncio.sleep(INTERVAL_S)


if __name__ == "__main__":
    RemoteExecutor.sleep = look_again
    main(sys.argv[1:])
