"""Markdown and LaTeX hold the numbers, and hostile names stay text."""

import re

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


def test_latex_names_stay_text():
    text = tex_text(HOSTILE)
    assert text == (
        r"a\textbar{}b\_c*\textless{}b\textgreater{}\$x\$\&\%\#\{\}\textbackslash{}\textasciitilde{}\textasciicircum{}"
    )
