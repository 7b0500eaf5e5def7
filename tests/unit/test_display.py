"""Pictures become display cutouts, by their bytes alone."""

import io

import numpy as np
import pytest
from PIL import Image

from survey.display import read_display
from survey.ingest import CutoutRejected
from survey.rendering import to_rgb


def picture(mode="RGB", size=(24, 20), kind="PNG", **save) -> bytes:
    rng = np.random.default_rng(0)
    shape = (size[1], size[0])
    image = (
        Image.fromarray(rng.integers(0, 65535, shape).astype(np.uint16))
        if mode == "I;16"
        else Image.fromarray(rng.integers(0, 255, (*shape, 3)).astype(np.uint8)).convert(mode)
    )
    stream = io.BytesIO()
    image.save(stream, kind, **save)
    return stream.getvalue()


def rejected(data: bytes) -> str:
    with pytest.raises(CutoutRejected) as caught:
        read_display(data)
    return caught.value.code


def test_channels_keep_their_counts_and_the_top_row_comes_first():
    data = picture()
    expected = np.asarray(Image.open(io.BytesIO(data)))
    cutout = read_display(data).cutout
    assert cutout.bands.names == ("R", "G", "B")
    assert np.array_equal(cutout.flux, expected.transpose(2, 0, 1))
    assert not cutout.is_calibrated


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1"])
def test_other_modes_become_rgb(mode):
    assert read_display(picture(mode)).cutout.flux.shape == (3, 20, 24)


def test_sixteen_bit_grey_keeps_its_upper_byte():
    data = picture("I;16")
    expected = np.asarray(Image.open(io.BytesIO(data))).astype(int) // 256
    flux = read_display(data).cutout.flux
    assert np.array_equal(flux[0], expected)
    assert np.array_equal(flux[0], flux[2])


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_are_read(mode):
    assert read_display(picture(mode, kind="JPEG")).cutout.flux.shape == (3, 20, 24)


def test_transparent_pixels_are_black():
    image = np.zeros((16, 16, 4), np.uint8)
    image[...] = 255
    image[0, 0] = (255, 255, 255, 0)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    flux = read_display(stream.getvalue()).cutout.flux
    assert flux[:, 0, 0].tolist() == [0, 0, 0]
    assert flux[:, -1, 0].tolist() == [255, 255, 255]


def test_the_report_says_that_a_picture_is_indicative_only():
    report = read_display(picture()).report
    assert report.flags == ["display", "no_pixel_scale"]
    assert "indicative only" in report.steps[0][1]


def test_a_known_scale_is_kept():
    found = read_display(picture(), pixel_scale_arcsec=0.4)
    assert found.cutout.pixel_scale_arcsec == 0.4
    assert found.report.flags == ["display"]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "BMP"])
def test_other_types_are_refused(kind):
    assert rejected(picture(kind=kind)) == "display.type"


@pytest.mark.parametrize("data", [b"", b"SIMPLE  =   T", b"<svg></svg>"])
def test_what_is_no_picture_is_refused(data):
    assert rejected(data) == "display.type"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_cut_off_picture_is_refused(kind):
    data = picture(kind=kind, size=(64, 64))
    assert rejected(data[: len(data) // 2]) == "display.unreadable"


def test_too_many_pixels_are_refused_from_the_header():
    # One bit per pixel: 25 Mpx in a few kilobytes.
    stream = io.BytesIO()
    Image.new("1", (5000, 5000)).save(stream, "PNG")
    assert rejected(stream.getvalue()) == "display.too_large"


def test_pillows_own_limit_is_told_the_same_way():
    stream = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    assert rejected(stream.getvalue()) == "display.too_large"


def test_tiny_pictures_are_refused():
    assert rejected(picture(size=(15, 64))) == "display.too_small"


@pytest.mark.parametrize("colour", ["black", "navy"])
def test_pictures_of_one_colour_are_refused(colour):
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(stream, "PNG")
    assert rejected(stream.getvalue()) == "display.blank"


def test_a_picture_is_shown_as_it_was_sent():
    data = picture()
    assert np.array_equal(to_rgb(read_display(data).cutout), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_picture_without_colour_is_named(kind, mode):
    ramp = np.add.outer(np.arange(40), np.arange(40)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(ramp).convert(mode).save(stream, kind)
    assert "grey" in read_display(stream.getvalue()).report.flags


def test_a_picture_with_a_little_colour_is_not_grey():
    pixels = np.full((40, 40, 3), 90, np.uint8)
    pixels[20, 20] = 90, 90, 99
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    assert "grey" not in read_display(stream.getvalue()).report.flags
