# A subject that another program has tracked. These rules take the place of `frames` and `tracking`; landmarks are found
# in the imported pictures as in any others. Which subjects are whose, the wildcard constraints say.
rule import:
    input:
        folder=folder,
        head=head_files,
    output:
        frames="<results>/{subject}/frames.npy",
        index="<results>/{subject}/frames.csv",
        camera="<results>/{subject}/frames.json",
        sheet="<results>/{subject}/frames.jpg",
        sound="<results>/{subject}/sound.m4a",
        tracking="<results>/{subject}/tracking.npz",
        head="<results>/{subject}/head.npz",
        video="<results>/{subject}/tracking.mp4",
        tracking_sheet="<results>/{subject}/tracking.jpg",
    log:
        "<logs>/{subject}/import.log",
    benchmark:
        "<benchmarks>/{subject}/import.tsv"
    wildcard_constraints:
        subject=ROAD.who(imported=True, tracked=True),
    conda:
        "../../envs/video.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        source=source("import"),
        folder=subpath(output.index, parent=True),
        settings=settings("import"),
    shell:
        "python -m partnerface import {input.folder:q} {params.folder:q} {params.settings} 2>&1 | tee {log:q}"


rule import_pictures:
    input:
        folder=folder,
    output:
        frames="<results>/{subject}/frames.npy",
        index="<results>/{subject}/frames.csv",
        camera="<results>/{subject}/frames.json",
        sheet="<results>/{subject}/frames.jpg",
        sound="<results>/{subject}/sound.m4a",
    log:
        "<logs>/{subject}/import.log",
    benchmark:
        "<benchmarks>/{subject}/import.tsv"
    wildcard_constraints:
        subject=ROAD.who(imported=True, tracked=False),
    conda:
        "../../envs/video.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        source=source("import"),
        folder=subpath(output.index, parent=True),
        settings=settings("import"),
    shell:
        "python -m partnerface import {input.folder:q} {params.folder:q} {params.settings} 2>&1 | tee {log:q}"
