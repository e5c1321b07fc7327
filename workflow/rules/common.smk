# What the rules share: the checked configuration and the functions that read it.
import sys

sys.path.insert(0, workflow.basedir)

from partnerface.errors import PartNerFaceError
from partnerface.launch import orphans
from partnerface.launch.gather import gather
from partnerface.launch.rules import (
    Road,
    prepare_environment,
    redo_incomplete,
    take_over,
)

try:
    ROAD = Road(
        workflow.basedir,
        (
            []
            if workflow.config_settings.replace_workflow_config
            else workflow.configfiles
        ),
        workflow.config_settings.overwrite_config,
    )
    prepare_environment(workflow.basedir)
except PartNerFaceError as error:
    # No WorkflowError: Snakemake adds to it where the file was read, which tells nobody anything.
    raise SystemExit(f"snakemake: {error}") from None

take_over(workflow)


onstart:
    if workflow.is_main_process:
        orphans.end(workflow.workdir_init)


onerror:
    if workflow.is_main_process:
        gather(ROAD.results, log, ROAD.flags("report"))


wildcard_constraints:
    subject="[A-Za-z0-9_-]+",
    run="[a-z_0-9]+(/seed[0-9]+)?",


def targets(wildcards):
    redo_incomplete(workflow)
    return [*ROAD.each("tables/metrics.csv"), *ROAD.each("report.html")]


def measured(file):
    """A file of each evaluated run; `tables` may be what was asked for, so that it does what `targets` does."""

    def files(wildcards):
        redo_incomplete(workflow)
        return ROAD.each(f"{{subject}}/{{run}}/{file}")

    return files


def videos(wildcards):
    return ROAD.videos(wildcards.subject)


def folder(wildcards):
    return ROAD.folder(wildcards.subject)


def head_files(wildcards):
    """The files of the user's own head model: another one, or another companion, reruns what reads it."""
    return ROAD.heads[wildcards.subject]


def source(stage):
    return ROAD.source(stage)


def settings(stage):
    """The flags of a stage for the subject of a job, quoted; a change of one reruns the stage."""

    def flags(wildcards):
        return ROAD.flags(stage, wildcards.subject)

    return flags


def training(wildcards):
    """The flags of training; the baseline looks nothing of them up and is not redone for them."""
    return (
        "" if wildcards.run == "retrieval" else ROAD.flags("train", wildcards.subject)
    )


def seed(wildcards):
    return ROAD.config.seed(wildcards.run)


def worker_threads(wildcards):
    """Eight for what computes, where there are so many; a lookup needs one."""
    return 1 if wildcards.run == "retrieval" else 8


def gpus(wildcards):
    return 0 if wildcards.run == "retrieval" else 1


def growing(amount):
    """Of memory or minutes: once more of it for every attempt that has failed, since it may have been too little."""

    def wanted(wildcards, attempt):
        return amount * attempt

    return wanted
