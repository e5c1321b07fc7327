"""Tables as Markdown and as LaTeX."""

import re

from partnerface.reporting.sections import Section
from partnerface.reporting.table import Cell, Table

_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "±": r"$\pm$",
    "—": "---",
    "−": "$-$",
    "…": r"\ldots{}",
}


def markdown_text(text: str) -> str:
    """Text whose marks Markdown would take for its own, and HTML tags in it, stand as they are."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def tex_text(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(_TEX.get(character, character) for character in " ".join(text.split()))


def markdown(sections: list[Section], means: list[Table]) -> str:
    """results/tables/metrics.md: the protocol stands under the tables that it explains."""
    lines = ["# Metrics", ""]
    if not sections:
        lines += ["No run has been evaluated yet.", ""]
    for table in means:
        lines += [f"## {markdown_text(table.title)}", "", *_markdown_table(table), ""]
        lines += [markdown_text(note) for note in table.notes] + [""]
    for section in sections:
        lines += [f"## {markdown_text(section.title)}", ""]
        lines += [f"**{markdown_text(warning)}**\n" for warning in section.warnings]
        for table in section.tables:
            lines += [f"### {markdown_text(table.title)}", "", *_markdown_table(table), ""]
            lines += [line for note in table.notes for line in (markdown_text(note), "")]
        lines += ["Protocol:", "", *(f"- {markdown_text(note)}" for note in section.notes), ""]
    return "\n".join(lines)


def _markdown_table(table: Table) -> list[str]:
    def line(words: list[str]) -> str:
        return "| " + " | ".join(words) + " |"

    def cell(c: Cell) -> str:
        text = f"**{c.label}**" if c.best else c.label
        return f"{text}<br>{markdown_text(c.interval)}" if c.interval else text

    head = [*table.labels, *table.headings]
    rule = ["---"] * len(table.labels) + ["---:"] * len(table.headings)
    rows = [line([*map(markdown_text, labels), *map(cell, cells)]) for labels, cells in table.rows]
    return [line([markdown_text(word) for word in head]), line(rule), *rows]


def latex(sections: list[Section], means: list[Table]) -> str:
    """results/tables/metrics.tex: `table` environments for \\input, with booktabs and graphicx, as wide as the text.

    The protocol is the caption of a subject's last table.
    """
    blocks = ["% \\usepackage{booktabs}\n% \\usepackage{graphicx}"]
    for table in means:
        blocks.append(_latex_table(table, f"{table.title}. {' '.join(table.notes)}"))
    for section in sections:
        for number, table in enumerate(section.tables):
            notes = (
                section.notes
                if number == len(section.tables) - 1
                else ("Protocol: see the last table of this subject.",)
            )
            caption = [f"{section.title}, {table.title}.", *table.notes, *section.warnings, *notes]
            blocks.append(_latex_table(table, " ".join(caption)))
    return "\n\n".join(blocks) + "\n"


def _latex_table(table: Table, caption: str) -> str:
    def cell(c: Cell) -> str:
        text = rf"\textbf{{{tex_text(c.label)}}}" if c.best else tex_text(c.label)
        # In braces, since a bracket behind a line's end would be an option of it.
        return rf"\shortstack[r]{{{text}\\{{\scriptsize {tex_text(c.interval)}}}}}" if c.interval else text

    lines, before = [], None
    for labels, cells in table.rows:
        if before is not None and labels[0] != before:
            lines.append(r"\midrule")
        shown = ("" if labels[0] == before else labels[0], *labels[1:])
        before = labels[0]
        lines.append(" & ".join([*map(tex_text, shown), *map(cell, cells)]) + r" \\")
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            r"\resizebox{\linewidth}{!}{%",
            rf"\begin{{tabular}}{{{'l' * len(table.labels)}{'r' * len(table.headings)}}}",
            r"\toprule",
            " & ".join(map(tex_text, (*table.labels, *table.headings))) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}}",
            rf"\caption{{{tex_text(caption)}}}",
            r"\end{table}",
        ]
    )
