# Without wildcards, so that it is a target by its name: `snakemake --cores 2 tables`.
rule tables:
    input:
        metrics=measured("metrics.csv"),
        protocols=measured("protocol.json"),
    output:
        csv="<results>/tables/metrics.csv",
        intervals="<results>/tables/intervals.csv",
        differences="<results>/tables/differences.csv",
        protocols="<results>/tables/protocols.json",
        markdown="<results>/tables/metrics.md",
        latex="<results>/tables/metrics.tex",
    log:
        "<logs>/tables.log",
    benchmark:
        "<benchmarks>/tables.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        source=source("tables"),
        folder=subpath(output.csv, ancestor=2),
    shell:
        "python -m partnerface tables {params.folder:q} 2>&1 | tee {log:q}"
