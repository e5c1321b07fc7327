"""Markdown and LaTeX hold the numbers, and hostile names stay text."""

import re
from dataclasses import replace

import pytest

from partnerface.reporting.markup import latex, markdown, markdown_text, tex_text
from partnerface.reporting.sections import Section
from partnerface.reporting.table import Cell, Table

HOSTILE = r"a|b_c*<b>$x$&%#{}\~^"


@pytest.fixture
def section():
    rows = (
        (("full", "partnerface"), (Cell("23.41 ± 0.10", True), Cell("0.9100"))),
        (("full", HOSTILE), (Cell("20.00"), Cell("—"))),
        (("face", "partnerface"), (Cell("22.00"), Cell("0.9000"))),
    )
    table = Table("tail (3 frames)", ("region", "method"), ("PSNR [dB] ↑", "SSIM ↑"), rows)
    return Section("anna", (table,), ("Mask policy head_neck.", "LPIPS (alex): absent."), ("Not comparable.",))


def test_markdown(section):
    lines = markdown([section], []).splitlines()
    assert "| full | partnerface | **23.41 ± 0.10** | 0.9100 |" in lines
    assert lines[lines.index("### tail (3 frames)") + 2] == r"| region | method | PSNR \[dB\] ↑ | SSIM ↑ |"
    assert "| --- | --- | ---: | ---: |" in lines
    assert "- LPIPS (alex): absent." in lines
    assert "**Not comparable.**" in lines
    assert lines.index("### tail (3 frames)") < lines.index("Protocol:")


def test_markdown_names_stay_one_cell(section):
    (row,) = [line for line in markdown([section], []).splitlines() if "20.00" in line]
    assert len(re.split(r"(?<!\\)\|", row)) == 6
    assert markdown_text("<script>`x`\n# y") == r"\<script\>\`x\` \# y"


def test_nothing_evaluated_yet():
    assert "No run has been evaluated" in markdown([], [])


def test_latex(section):
    text = latex([section], [])
    assert r"\textbf{23.41 $\pm$ 0.10} & 0.9100 \\" in text
    assert r"region & method & PSNR [dB] $\uparrow$ & SSIM $\uparrow$ \\" in text
    assert text.count(r"\midrule") == 2  # under the head, and between the regions
    assert r"Mask policy head\_neck. LPIPS (alex): absent." in text
    assert text.count("{") == text.count("}")


def test_intervals_and_marks(section):
    rows = (
        (
            ("face", "global"),
            (Cell("−0.20", interval="[−0.30, −0.10]", worse=True), Cell("+1.00", True, "[+0.50, +1.50]")),
        ),
    )
    differences = Table("tail: us minus them", ("region", "minus"), ("PSNR", "SSIM"), rows, ("On 3 frames.",))
    marked = replace(section, tables=(differences, *section.tables))
    lines = markdown([marked], []).splitlines()
    assert r"| face | global | −0.20 (worse)<br>\[−0.30, −0.10\] | **+1.00**<br>\[+0.50, +1.50\] |" in lines
    assert lines.index("On 3 frames.") < lines.index("### tail (3 frames)")
    text = latex([marked], [])
    assert (
        r"face & global & \shortstack[r]{$-$0.20 (worse)\\{\scriptsize [$-$0.30, $-$0.10]}}"
        r" & \shortstack[r]{\textbf{+1.00}\\{\scriptsize [+0.50, +1.50]}} \\"
    ) in text
    assert "anna, tail: us minus them. On 3 frames. Not comparable." in text
    assert text.count("{") == text.count("}")


def test_latex_names_stay_text():
    text = tex_text(HOSTILE)
    assert text == (
        r"a\textbar{}b\_c*\textless{}b\textgreater{}\$x\$\&\%\#\{\}\textbackslash{}\textasciitilde{}\textasciicircum{}"
    )
