"""Every kind of file that somebody may send is told by its bytes, and refused with what to do about it."""

import pytest

from service.media import IMAGE_TYPES, check_declared
from survey.ingest import CutoutRejected
from survey.magic import identify, remedy_for
from survey.prescan import prescan

# The first bytes as each format's specification has them.
UNREAD = {
    "gif": b"GIF89a" + bytes(20),
    "tiff": b"MM\x00*" + bytes(20),
    "webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    "avif": b"\x00\x00\x00\x20ftypavif",
    "heif": b"\x00\x00\x00\x18ftypheic",
    "psd": b"8BPS\x00\x01",
    "bmp": b"BM" + bytes(20),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "pdf": b"%PDF-1.7",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0",
    "jpeg2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n",
    "jpegxl": b"\x00\x00\x00\x0cJXL \r\n\x87\n",
    "exr": b"v/1\x01" + bytes(8),
    "hdf5": b"\x89HDF\r\n\x1a\n",
    "npy": b"\x93NUMPY\x01\x00",
    "asdf": b"#ASDF 1.0.0\n",
    "xisf": b"XISF0100" + bytes(8),
    "netcdf": b"CDF\x01" + bytes(8),
    "matlab": b"MATLAB 5.0 MAT-file, Platform: GLNXA64",
    "pickle": b"\x80\x04\x95" + bytes(8),
    "zip": b"PK\x03\x04" + bytes(26),
    "7z": b"7z\xbc\xaf\x27\x1c",
    "rar": b"Rar!\x1a\x07\x01\x00",
    "tar": b"galaxy.fits".ljust(257, b"\x00") + b"ustar\x0000" + bytes(248),
    "xz": b"\xfd7zXZ\x00\x00\x04",
    "zstd": b"(\xb5/\xfd\x04",
    "lz4": b"\x04\x22M\x18\x64",
    "compress": b"\x1f\x9d\x90",
    "parquet": b"PAR1" + bytes(8),
    "votable": b"<?xml version='1.0'?><VOTABLE/>",
    "html": b"<!DOCTYPE html><title>502 Bad Gateway</title>",
    "xml": b"<?xml version='1.0'?><Error/>",
}


@pytest.mark.parametrize("kind", UNREAD)
def test_a_kind_is_told_by_its_bytes_and_refused_with_its_remedy(kind):
    assert identify(UNREAD[kind]) == kind
    with pytest.raises(CutoutRejected, match=r"FITS .*PNG and JPEG are read") as refused:
        prescan(UNREAD[kind])
    assert refused.value.code == "upload.type"
    assert remedy_for(kind)
    assert remedy_for(kind) in str(refused.value)


@pytest.mark.parametrize("declared", ["image/gif", "image/png", "image/fits"])
def test_whatever_was_declared_the_remedy_is_that_of_the_bytes(declared):
    with pytest.raises(CutoutRejected) as refused:
        check_declared(declared, UNREAD["gif"], IMAGE_TYPES)
    assert refused.value.code == ("upload.type" if declared == "image/gif" else "upload.type_mismatch")
    assert remedy_for("gif") in str(refused.value)


@pytest.mark.parametrize("data", [b"SIMPLE  =", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\x1f\x8b", b"BZh"])
def test_what_is_read_needs_no_remedy(data):
    assert remedy_for(identify(data)) == ""
