"""Snakemake's benchmark files."""

from partnerface.reporting.cost import Cost, costs


def test_costs_in_the_order_of_the_road(results):
    found = costs(results, "anna")
    assert [(cost.stage, cost.run) for cost in found] == [
        ("frames", ""),
        ("landmarks", ""),
        ("tracking", ""),
        ("parsing", ""),
        ("dataset", ""),
        ("train", "partnerface"),
        ("train", "partnerface/seed1"),
        ("train", "retrieval"),
        ("render", "partnerface"),
        ("render", "partnerface/seed1"),
        ("render", "retrieval"),
        ("evaluate", "partnerface"),
        ("evaluate", "partnerface/seed1"),
        ("evaluate", "retrieval"),
    ]
    assert (found[2].seconds, found[2].memory_mb) == (61.4, 1310)
    assert (found[2].time, found[2].memory) == ("1:01", "1.3 GB")
    assert (found[0].time, found[0].memory) == ("9.1 s", "412 MB")


def test_short_jobs_and_other_files_are_no_exception(results):
    folder = results / "benchmarks"
    header = "s\th:m:s\tmax_rss\tcpu_time\n"
    (folder / "tables.tsv").write_text(header + "9\t0\t100\t1\n0.3\t0:00:00\t-\tNA\n")  # the last of two runs counts
    (folder / "report.tsv").write_text("torn")
    (folder / "notes.tsv").write_text(header + "1\t0\t1\t1\n")
    (folder / "tracking.tsv").write_text(header + "\n")
    assert costs(results, "") == [Cost("tables", "", 0.3, None, None)]
    assert costs(results, "")[0].memory == "not sampled"
    assert costs(results, "nobody") == []
