rule tables:
    input:
        metrics=ROAD.each("{subject}/{run}/metrics.csv"),
        protocols=ROAD.each("{subject}/{run}/protocol.json"),
        source=source("tables"),
    output:
        csv="<results>/tables/metrics.csv",
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
        mem_mb=1000,
        runtime=10,
    params:
        folder=subpath(output.csv, ancestor=2),
    shell:
        "python -m partnerface tables {params.folder:q} 2>&1 | tee {log:q}"
