# Nothing waits for it but the report. Its priority puts its verdict on the terminal before hours of training begin.
rule capture:
    input:
        index="<results>/{subject}/frames.csv",
        frames="<results>/{subject}/frames.npy",
        camera="<results>/{subject}/frames.json",
        landmarks="<results>/{subject}/landmarks.npz",
        tracking="<results>/{subject}/tracking.npz",
        head="<results>/{subject}/head.npz",
        classes="<results>/{subject}/classes.npy",
    output:
        measures="<results>/{subject}/capture.json",
        sheet="<results>/{subject}/capture.jpg",
    log:
        "<logs>/{subject}/capture.log",
    benchmark:
        "<benchmarks>/{subject}/capture.tsv"
    priority: 10
    conda:
        "../../envs/video.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        source=source("capture"),
        folder=subpath(output.measures, parent=True),
    shell:
        "python -m partnerface capture {params.folder:q} 2>&1 | tee {log:q}"
