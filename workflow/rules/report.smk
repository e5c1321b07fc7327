rule report:
    input:
        table="<results>/tables/metrics.csv",
        frames=ROAD.each("{subject}/frames.jpg"),
        tracking=ROAD.each("{subject}/tracking.mp4"),
        tracking_sheet=ROAD.each("{subject}/tracking.jpg"),
        masks=ROAD.each("{subject}/masks.jpg"),
        steadiness=ROAD.each("{subject}/masks.npz"),
        capture=ROAD.each("{subject}/capture.json"),
        videos=ROAD.each("{subject}/{run}/heldout.mp4"),
        protocols=ROAD.each("{subject}/{run}/protocol.json"),
    output:
        html="<results>/report.html",
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        source=source("report"),
        folder=subpath(output.html, parent=True),
        settings=ROAD.flags("report"),
    shell:
        "python -m partnerface report {params.folder:q} {params.settings} 2>&1 | tee {log:q}"
