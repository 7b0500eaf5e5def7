"""The rotation matrix of headers written before the WCS papers."""

from support.fits_files import SCALE, read, single, tan_header


def test_the_matrix_of_pan_starrs_gives_parity():
    # Pan-STARRS writes CDELT1 > 0 with the sign of the right ascension in PC001001.
    header = tan_header()
    for key in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        del header[key]
    header["CDELT1"] = header["CDELT2"] = SCALE / 3600
    header["PC001001"], header["PC001002"], header["PC002001"], header["PC002002"] = -1.0, 0.0, 0.0, 1.0
    report = read(single("r", header=header, BUNIT="nanomaggy")).report
    assert "mirrored" not in report.flags
