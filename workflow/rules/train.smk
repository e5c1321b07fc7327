# `run` is a method, or a method and a further seed: partnerface, partnerface/seed1. What a killed training resumes
# from lies in <run>/state/, which is no output of the rule, since Snakemake deletes outputs before it reruns a job.
rule train:
    input:
        rgb="<results>/{subject}/dataset/rgb.npy",
        alpha="<results>/{subject}/dataset/alpha.npy",
        classes="<results>/{subject}/dataset/classes.npy",
        parameters="<results>/{subject}/dataset/dataset.npz",
        head="<results>/{subject}/dataset/head.npz",
    output:
        avatar="<results>/{subject}/{run}/avatar.safetensors",
        log="<results>/{subject}/{run}/train.jsonl",
    log:
        "<logs>/{subject}/train.{run}.log",
    benchmark:
        "<benchmarks>/{subject}/train.{run}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: worker_threads
    resources:
        gpu=gpus,
        mem_mb=growing(8000),
        runtime=growing(720),
    params:
        source=source("train"),
        folder=subpath(input.parameters, ancestor=2),
        seed=seed,
        settings=training,
    # A scheduler's SIGTERM meets all processes of a job: who writes the log must outlive who writes the state.
    shell:
        "python -m partnerface train {params.folder:q} --run {wildcards.run:q} --seed {params.seed}"
        " --processes {resources.gpu} {params.settings} 2>&1 | (trap '' TERM; exec tee {log:q})"
