"""Plots take the page's colours and fonts and hold nothing that a page would fetch."""

import re
import xml.etree.ElementTree as ET

import numpy as np

from partnerface.reporting.plots import WARN, Line, Panel, draw, series_colour


def test_draw_is_a_themed_svg():
    x = np.arange(20)
    first = Panel(
        [Line(x, np.exp(x / 5), series_colour(0)), Line(x, x + 1.0, series_colour(9), "points")],
        "step",
        "loss",
        log=True,
    )
    second = Panel(
        [Line(x, x)], "t < 3 & more", "y", levels=[(3, "median")], spans=[(1, 2, WARN)], marks=[4], from_zero=True
    )
    svg = draw([first, second])
    root = ET.fromstring(svg)
    assert root.tag == "svg"
    assert {"width", "height"}.isdisjoint(root.attrib)
    assert not re.search(r"#[0-9a-f]{6}|http|<style|font-family|<script", svg)
    for variable in ("--series-0", "--series-1", "--ink", "--muted", "--warn"):
        assert f"var({variable})" in svg
    texts = [element.text for element in root.iter("text")]
    assert {"loss", "y", "median", "t < 3 & more"} <= set(texts)
    assert all("$" not in (text or "") for text in texts)


def test_drawing_is_the_same_each_time():
    panel = Panel([Line([0, 1], [1, 2])], "x", "y")
    assert draw([panel]) == draw([panel])


def test_references_resolve():
    svg = draw([Panel([Line([0, 1], [1, 2])], "x", "y")])
    for name in re.findall(r'href="#([^"]+)"', svg) + re.findall(r"url\(#([^)]+)\)", svg):
        assert f'id="{name}"' in svg
