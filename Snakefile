# The road from a video to an avatar, its tables and its report: a table of contents. The rules lie in workflow/rules,
# the settings in config.yaml. `snakemake --cores 2` walks it; `snakemake -n` shows what would be done.
from snakemake.utils import min_version

min_version("9.20")


configfile: "config.yaml"


include: "workflow/rules/common.smk"


pathvars:
    results=ROAD.results,
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


include: "workflow/rules/demo.smk"
include: "workflow/rules/import.smk"
include: "workflow/rules/frames.smk"
include: "workflow/rules/landmarks.smk"
include: "workflow/rules/tracking.smk"
include: "workflow/rules/parsing.smk"
include: "workflow/rules/capture.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/render.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/report.smk"


rule all:
    input:
        targets,
