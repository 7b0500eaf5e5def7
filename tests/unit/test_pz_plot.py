"""The redshift plot of the pages."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from service.web.pz_plot import pz_svg

Z = np.linspace(0, 0.4, 180)
PDF = np.exp(-0.5 * ((Z - 0.1) / 0.01) ** 2)


def test_the_plot_is_well_formed_and_needs_no_inline_style():
    svg = str(pz_svg(Z, PDF, interval=(0.09, 0.11), z_spec=0.104))
    ET.fromstring(svg)
    assert "style=" not in svg
    assert "<script" not in svg


def test_the_peak_of_the_curve_lies_where_p_of_z_peaks():
    root = ET.fromstring(str(pz_svg(Z, PDF, interval=(0.09, 0.11))))
    points = [tuple(map(float, p.split(","))) for p in root.find("polygon").get("points").split()]
    top = min(points, key=lambda point: point[1])
    interval = root.find("rect")
    left, width = float(interval.get("x")), float(interval.get("width"))
    # The grid has a point every 9 px here, so the highest one lies within half of that.
    assert top[0] == pytest.approx(left + width / 2, abs=5)


def test_a_spectroscopic_redshift_far_from_the_estimate_is_still_inside_the_plot():
    root = ET.fromstring(str(pz_svg(Z, PDF, interval=(0.09, 0.11), z_spec=0.35)))
    assert 0 < float(root.find("line[@class='truth']").get("x1")) < 320


def test_ticks_are_few_and_increasing():
    svg = str(pz_svg(Z, np.ones_like(Z), interval=(0.05, 0.35)))
    ticks = [float(t) for t in re.findall(r'text-anchor="middle">([\d.]+)<', svg)]
    assert ticks == sorted(ticks)
    assert 2 <= len(ticks) <= 6
