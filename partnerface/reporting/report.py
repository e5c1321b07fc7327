"""The report: gathers the pieces of every subject and puts them on one page that needs nothing else."""

import base64
import hashlib
import re
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from partnerface import __version__
from partnerface.artefacts.failures import failures
from partnerface.artefacts.layout import SubjectFolder
from partnerface.errors import ArtefactError
from partnerface.reporting.assets import Media, Missing, Shelf
from partnerface.reporting.capture import capture
from partnerface.reporting.clip import source_facts, source_frames, splits
from partnerface.reporting.compare import Gap, gap, over_time, verdicts
from partnerface.reporting.cost import Cost, costs
from partnerface.reporting.dag import dag
from partnerface.reporting.fit import fit
from partnerface.reporting.heldout import held_out
from partnerface.reporting.learning import learning
from partnerface.reporting.masks import steadiness
from partnerface.reporting.results import Group, first_runs, group_runs, method_of, read_run, run_names, subjects
from partnerface.reporting.sections import mean_tables, sections

#: Room for text, tables and plots: of the page and of each subject, bytes.
ROOM_FOR_TEXT = 400_000
ROOM_PER_SUBJECT = 400_000


@dataclass
class Chapter:
    """All that the page says about one subject; each piece may be `Missing`."""

    name: str
    anchor: str
    folder: SubjectFolder
    groups: list[Group]
    problems: list[str]
    runs: list[str]
    pieces: dict[str, Any]
    gap: Gap | None
    over_time: str | None
    costs: list[Cost]
    videos: dict[str, Media | Missing]


def build(results: Path, max_size: float) -> tuple[str, list[str]]:
    """The page's HTML.

    Args:
        results: the results folder.
        max_size: megabytes that it stays under.

    Returns:
        The page, and the videos that did not fit (paths relative to the results folder).

    Raises:
        ArtefactError: there is no subject in the folder.
    """
    results = Path(results)
    folders = [subject for subject in subjects(results) if _has_anything(subject)]
    if not folders:
        raise ArtefactError(f"{results} has no subject's folder; run `partnerface frames` first")
    shelf = Shelf(results, max_size * 1e6 - ROOM_FOR_TEXT - ROOM_PER_SUBJECT * len(folders))
    colours = _colours(folders)
    chapters = [_chapter(shelf, folder, f"subject-{number}", colours) for number, folder in enumerate(folders, 1)]
    _add_videos(shelf, chapters)
    groups = [group for chapter in chapters for group in chapter.groups]
    page = _render(
        chapters=chapters,
        colours=colours,
        first_runs=first_runs,
        verdicts=verdicts(groups),
        means=mean_tables(groups),
        sections={chapter.name: sections(chapter.groups) for chapter in chapters},
        failures=failures(results),
        dag=dag(_dag_notes(chapters), max(len(chapter.runs) for chapter in chapters), len(chapters)),
        shared_costs=costs(results, ""),
        version=__version__,
        date=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    )
    return page, shelf.left_out


def _has_anything(subject: SubjectFolder) -> bool:
    return any(path.is_file() for path in (subject.frame_index, subject.tracking, subject.contact_sheet)) or bool(
        run_names(subject, "metrics.csv") or run_names(subject, "train.jsonl")
    )


def _runs_of(subject: SubjectFolder) -> list[str]:
    """The runs of a subject that have left a log, renders or metrics."""
    found = [run_names(subject, file) for file in ("metrics.csv", "renders.npy", "train.jsonl")]
    return list(dict.fromkeys(name for names in found for name in names))


def _colours(folders: list[SubjectFolder]) -> dict[str, int]:
    """Run → number of its colour: one per method on the whole page, the same two for the lead and the baseline."""
    names = list(dict.fromkeys(name for folder in folders for name in _runs_of(folder)))
    methods = list(dict.fromkeys(["partnerface", "retrieval", *map(method_of, names)]))
    return {name: methods.index(method_of(name)) for name in names}


def _chapter(shelf: Shelf, folder: SubjectFolder, anchor: str, colours: dict[str, int]) -> Chapter:
    runs, problems = [], []
    names = _runs_of(folder)
    for name in names:
        try:
            runs.append(read_run(folder, name))
        except ArtefactError as error:
            problems.append(shelf.say(error))
    groups = group_runs(runs)
    pieces: dict[str, Any] = {
        "capture": capture(shelf, folder),
        "facts": source_facts(shelf, folder),
        "contact_sheet": shelf.picture(folder.contact_sheet, "frames"),
        "source": source_frames(shelf, folder),
        "fit": fit(shelf, folder),
        "tracking_sheet": shelf.picture(folder.tracking_sheet, "tracking"),
        "masks": shelf.picture(folder.masks_sheet, "parsing"),
        "steadiness": steadiness(shelf, folder),
        "splits": splits(shelf, folder),
        "learning": learning(shelf, folder, {name: colours[name] for name in names}),
        "held_out": held_out(shelf, folder, groups[0], colours) if groups else Missing("no run has been evaluated yet"),
    }
    return Chapter(
        folder.name,
        anchor,
        folder,
        groups,
        problems,
        names,
        pieces,
        gap(groups[0], colours) if groups else None,
        over_time(groups[0], colours) if groups else None,
        costs(shelf.results, folder.name),
        {},
    )


def _add_videos(shelf: Shelf, chapters: list[Chapter]) -> None:
    """Spend what is left of the budget: each subject's first run, then the tracking, then the other runs."""
    for chapter in chapters:
        for name in _video_runs(chapter)[:1]:
            chapter.videos[name] = shelf.video(chapter.folder.run(name).video, "render")
    for chapter in chapters:
        chapter.pieces["tracking_video"] = shelf.video(chapter.folder.tracking_video, "tracking")
    for chapter in chapters:
        for name in _video_runs(chapter)[1:]:
            chapter.videos[name] = shelf.video(chapter.folder.run(name).video, "render")


def _video_runs(chapter: Chapter) -> list[str]:
    """The runs whose video is shown: the first seed of each method, or of what there is without an evaluation."""
    if chapter.groups:
        return [run.name for run in first_runs(chapter.groups[0]).values()]
    return chapter.runs[:1]


def _dag_notes(chapters: list[Chapter]) -> dict[str, str]:
    """Stage → time of the whole stage, over subjects and runs, for the drawing."""
    from partnerface.progress import clock

    total: dict[str, float] = {}
    for cost in (cost for chapter in chapters for cost in chapter.costs):
        total[cost.stage] = total.get(cost.stage, 0) + cost.seconds
    return {stage: clock(seconds) for stage, seconds in total.items()}


def _render(**content: Any) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    folder = resources.files("partnerface.reporting") / "page"
    style, script = ((folder / name).read_text("utf-8") for name in ("style.css", "script.js"))
    environment = Environment(
        loader=PackageLoader("partnerface.reporting", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Only what this package has drawn or written is marked as safe; everything that came from files is escaped.
    environment.filters["drawing"] = Markup
    environment.filters["message"] = _with_code
    checksum = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return environment.get_template("report.html.j2").render(
        **content, style=Markup(style), script=Markup(script), script_sha256=checksum
    )


def _with_code(text: str) -> Any:
    """An error's message with what stands between backticks as code; everything in it is escaped."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))
