rule dataset:
    input:
        frames="<results>/{subject}/frames.npy",
        camera="<results>/{subject}/frames.json",
        landmarks="<results>/{subject}/landmarks.npz",
        tracking="<results>/{subject}/tracking.npz",
        head="<results>/{subject}/head.npz",
        alpha="<results>/{subject}/alpha.npy",
        classes="<results>/{subject}/classes.npy",
    output:
        rgb="<results>/{subject}/dataset/rgb.npy",
        alpha="<results>/{subject}/dataset/alpha.npy",
        classes="<results>/{subject}/dataset/classes.npy",
        parameters="<results>/{subject}/dataset/dataset.npz",
        head="<results>/{subject}/dataset/head.npz",
    log:
        "<logs>/{subject}/dataset.log",
    benchmark:
        "<benchmarks>/{subject}/dataset.tsv"
    conda:
        "../../envs/video.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        source=source("dataset"),
        folder=subpath(input.frames, parent=True),
        settings=settings("dataset"),
    shell:
        "python -m partnerface dataset {params.folder:q} {params.settings} 2>&1 | tee {log:q}"
