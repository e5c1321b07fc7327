rule frames:
    input:
        videos=videos,
    output:
        frames="<results>/{subject}/frames.npy",
        index="<results>/{subject}/frames.csv",
        camera="<results>/{subject}/frames.json",
        sheet="<results>/{subject}/frames.jpg",
        sound="<results>/{subject}/sound.m4a",
    log:
        "<logs>/{subject}/frames.log",
    benchmark:
        "<benchmarks>/{subject}/frames.tsv"
    wildcard_constraints:
        subject=ROAD.who(imported=False),
    conda:
        "../../envs/video.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        source=source("frames"),
        folder=subpath(output.index, parent=True),
        settings=settings("frames"),
    shell:
        "python -m partnerface frames {input.videos:q} {params.folder:q} {params.settings} 2>&1 | tee {log:q}"
