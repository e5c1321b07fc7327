rule landmarks:
    input:
        frames="<results>/{subject}/frames.npy",
        camera="<results>/{subject}/frames.json",
    output:
        landmarks="<results>/{subject}/landmarks.npz",
    log:
        "<logs>/{subject}/landmarks.log",
    benchmark:
        "<benchmarks>/{subject}/landmarks.tsv"
    conda:
        "../../envs/video.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        source=source("landmarks"),
        folder=subpath(output.landmarks, parent=True),
        settings=settings("landmarks"),
    shell:
        "python -m partnerface landmarks {params.folder:q} {params.settings} 2>&1 | tee {log:q}"
