rule render:
    input:
        avatar="<results>/{subject}/{run}/avatar.safetensors",
        rgb="<results>/{subject}/dataset/rgb.npy",
        parameters="<results>/{subject}/dataset/dataset.npz",
        head="<results>/{subject}/dataset/head.npz",
    output:
        renders="<results>/{subject}/{run}/renders.npy",
        index="<results>/{subject}/{run}/renders.npz",
        video="<results>/{subject}/{run}/heldout.mp4",
    log:
        "<logs>/{subject}/render.{run}.log",
    benchmark:
        "<benchmarks>/{subject}/render.{run}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: worker_threads
    resources:
        gpu=gpus,
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        source=source("render"),
        folder=subpath(input.parameters, ancestor=2),
        settings=settings("render"),
    shell:
        "python -m partnerface render {params.folder:q} --run {wildcards.run:q} {params.settings} 2>&1 | tee {log:q}"
