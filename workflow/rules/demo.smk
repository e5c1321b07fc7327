rule demo:
    output:
        clip="<results>/{subject}/clip.mp4",
        truth="<results>/{subject}/truth.npz",
    log:
        "<logs>/{subject}/demo.log",
    benchmark:
        "<benchmarks>/{subject}/demo.tsv"
    conda:
        "../../envs/video.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        source=source("demo"),
        folder=subpath(output.clip, parent=True),
    shell:
        "python -m partnerface demo {params.folder:q} 2>&1 | tee {log:q}"
