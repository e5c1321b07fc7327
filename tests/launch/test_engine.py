"""Listening to Snakemake."""

from partnerface.launch.engine import Listener, told_by_stage

SAID = """\
[Sun Nov 22 16:45:26 2026]
rule train:
    input: a
    wildcards: subject=demo, run=partnerface
    threads: 2
3 of 15 steps (20%) done
RuleException:
Error in rule train:
    jobid: 4
    output: b
    log: {log} (check log file(s) for error details)
""".splitlines(keepends=True)


def heard(log):
    listener = Listener()
    shown = [listener.hear(line.replace("{log}", str(log))) for line in SAID]
    return listener, [line for line in shown if line]


def test_what_is_shown_and_kept(tmp_path):
    listener, shown = heard(tmp_path / "x.log")
    assert shown == ["-- train demo partnerface", "-- 3 of 15 steps done"]
    assert listener.failures == {"train": str(tmp_path / "x.log")}
    assert not listener.locked


def test_a_stage_that_told_its_user(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("train: 1/9\npartnerface train: values stay non-finite\n\n")
    assert told_by_stage(heard(log)[0])
    log.write_text("Traceback\nValueError: x\n")
    assert not told_by_stage(heard(log)[0])
    assert not told_by_stage(heard(tmp_path / "none.log")[0])
    assert not told_by_stage(Listener())


def test_a_lock():
    listener = Listener()
    listener.hear("Error: Directory cannot be locked. Please make sure that no other Snakemake process is trying\n")
    assert listener.locked
