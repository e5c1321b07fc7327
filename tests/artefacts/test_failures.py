"""Which jobs failed, told from logs and what is missing."""

from partnerface.artefacts.failures import failures


def put(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_jobs_that_left_nothing(tmp_path):
    logs = tmp_path / "logs"
    put(
        logs / "bad" / "frames.log",
        "frames: finding the face\rpartnerface frames: no face in bad.mp4; record it again\n\n",
    )
    put(logs / "good" / "frames.log", "frames: 20/20\n")
    put(tmp_path / "good" / "frames.csv")
    put(logs / "good" / "train.global" / "seed1.log", "train: 20/1500 steps, 3.1/s\n")
    put(logs / "good" / "train.global.log", "train: 1500/1500 steps\n")
    put(tmp_path / "good" / "global" / "avatar.safetensors")
    put(logs / "good" / "evaluate.global.log", "")
    put(logs / "tables.log", "partnerface tables: no run has been evaluated")
    put(logs / "good" / "notes.log", "nobody's")
    found = [(one.subject, one.job, one.reason, one.log) for one in failures(tmp_path)]
    assert found == [
        ("bad", "frames", "no face in bad.mp4; record it again", "logs/bad/frames.log"),
        (
            "good",
            "train global/seed1",
            "ended without a word; last it said 'train: 20/1500 steps, 3.1/s'",
            "logs/good/train.global/seed1.log",
        ),
        ("good", "evaluate global", "ended without a word; last it said ''", "logs/good/evaluate.global.log"),
    ]


def test_without_logs_nothing_has_failed(tmp_path):
    assert failures(tmp_path) == []
