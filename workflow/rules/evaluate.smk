rule evaluate:
    input:
        renders="<results>/{subject}/{run}/renders.npy",
        index="<results>/{subject}/{run}/renders.npz",
        rgb="<results>/{subject}/dataset/rgb.npy",
        alpha="<results>/{subject}/dataset/alpha.npy",
        classes="<results>/{subject}/dataset/classes.npy",
        parameters="<results>/{subject}/dataset/dataset.npz",
        head="<results>/{subject}/dataset/head.npz",
    output:
        metrics="<results>/{subject}/{run}/metrics.csv",
        protocol="<results>/{subject}/{run}/protocol.json",
    log:
        "<logs>/{subject}/evaluate.{run}.log",
    benchmark:
        "<benchmarks>/{subject}/evaluate.{run}.tsv"
    conda:
        "../../envs/video.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        source=source("evaluate"),
        folder=subpath(input.parameters, ancestor=2),
        settings=settings("evaluate"),
    shell:
        "python -m partnerface evaluate {params.folder:q} --run {wildcards.run:q} {params.settings} 2>&1 | tee {log:q}"
