"""Slurm and what its accounting needs, from Debian."""

import os
import shutil
import subprocess
from pathlib import Path

#: Of MariaDB the server alone, without the service; bindfs feigns a slow disk.
PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client", "slurmdbd", "mariadb-server-core", "bindfs")


def missing_packages() -> list[str]:
    """Those of PACKAGES that are not installed."""
    programs = dict(
        zip(PACKAGES, ("munged", "slurmctld", "slurmd", "sbatch", "slurmdbd", "mariadbd", "bindfs"), strict=True)
    )
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    return [package for package, program in programs.items() if shutil.which(program, path=places) is None]


def install() -> None:
    """Install what is missing, and keep Debian from starting any of it.

    Raises:
        subprocess.CalledProcessError: apt failed.
    """
    missing = missing_packages()
    if not missing:
        return
    policy = Path("/usr/sbin/policy-rc.d")
    # Debian's own switch: services are not started while this says 101.
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
        command = ["apt-get", "install", "-qq", "--no-install-recommends", "--no-remove", *missing]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    finally:
        if ours:
            policy.unlink()
