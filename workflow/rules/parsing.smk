rule parsing:
    input:
        frames="<results>/{subject}/frames.npy",
        camera="<results>/{subject}/frames.json",
        landmarks="<results>/{subject}/landmarks.npz",
        tracking="<results>/{subject}/tracking.npz",
        head="<results>/{subject}/head.npz",
    output:
        alpha="<results>/{subject}/alpha.npy",
        classes="<results>/{subject}/classes.npy",
        masks="<results>/{subject}/masks.npz",
        sheet="<results>/{subject}/masks.jpg",
    log:
        "<logs>/{subject}/parsing.log",
    benchmark:
        "<benchmarks>/{subject}/parsing.tsv"
    conda:
        "../../envs/video.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        source=source("parsing"),
        folder=subpath(output.alpha, parent=True),
        settings=settings("parsing"),
    shell:
        "python -m partnerface parsing {params.folder:q} {params.settings} 2>&1 | tee {log:q}"
