rule tracking:
    input:
        frames="<results>/{subject}/frames.npy",
        camera="<results>/{subject}/frames.json",
        sound="<results>/{subject}/sound.m4a",
        landmarks="<results>/{subject}/landmarks.npz",
        head=head_files,
    output:
        tracking="<results>/{subject}/tracking.npz",
        head="<results>/{subject}/head.npz",
        video="<results>/{subject}/tracking.mp4",
        sheet="<results>/{subject}/tracking.jpg",
    log:
        "<logs>/{subject}/tracking.log",
    benchmark:
        "<benchmarks>/{subject}/tracking.tsv"
    wildcard_constraints:
        subject=ROAD.who(tracked=False),
    conda:
        "../../envs/video.yaml"
    threads: 2
    resources:
        mem_mb=growing(6000),
        runtime=growing(120),
    params:
        source=source("tracking"),
        folder=subpath(output.tracking, parent=True),
        settings=settings("tracking"),
    shell:
        "python -m partnerface tracking {params.folder:q} {params.settings} 2>&1 | tee {log:q}"
