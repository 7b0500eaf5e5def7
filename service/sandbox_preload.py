"""What readers import only when they meet a file that needs it; a parsing child, which may open nothing, has it already."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa
from astropy import units
from astropy.io import votable
from astropy.io.votable.tree import CooSys
from PIL import Image

from survey.dust import DustMapMissing, ebv_sfd_lowres

__all__ = ["preload"]

_LAZY = (
    # Text of CSV and VOTable, and what the interpreter itself asks for with names that are not ASCII.
    "encodings.ascii",
    "encodings.idna",
    "encodings.latin_1",
    "encodings.utf_16_be",
    "encodings.utf_8_sig",
    # Phone pictures: JPEG with several frames, and EXIF blocks.
    "PIL.MpoImagePlugin",
    "PIL.TiffImagePlugin",
    # Tables, and the exact error that a reader raises when it has read one.
    "pyarrow.compute",
    "pyarrow.parquet",
    "astropy.table",
    "astropy.units.cds",
)
# Units, words for quantities and frames are looked up in files of astropy at the first that stands in a table.
_VOTABLE = """<VOTABLE version="{version}"><RESOURCE><COOSYS ID="sky" system="{system}"/><TABLE>
<FIELD name="ra" ID="ra" ref="sky" datatype="double" unit="h" ucd="pos.eq.ra;meta.main"/>
<FIELD name="id" datatype="unicodeChar" arraysize="*" unit="no such unit"/>
<DATA><TABLEDATA><TR><TD>1</TD><TD>a</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""
_VERSIONS = {"1.1": "eq_FK5", "1.2": "eq_FK5", "1.3": "ICRS", "1.4": "ICRS", "1.5": "ICRS"}
_UNIT_FORMATS = ("cds", "fits", "generic", "ogip", "vounit")


def preload() -> None:
    """Import all of it, in the fork server, before the first child."""
    for name in _LAZY:
        importlib.import_module(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for version, system in _VERSIONS.items():
            text = _VOTABLE.format(version=version, system=system)
            votable.parse(io.BytesIO(text.encode()), verify="ignore")
        # Every element reads the list of frames from its file again; the list itself takes the property's place.
        CooSys.reference_frames = CooSys(ID="sky", system="ICRS").reference_frames
        for unit_format in _UNIT_FORMATS:
            # One that is known, and one that is not: the hint at what was meant is looked up too.
            for text in ("km/s", "deg", "no such unit"):
                units.Unit(text, format=unit_format, parse_strict="silent")
    # A batch is calibrated in the child, where the dust map could not be opened; without the map it says so.
    with contextlib.suppress(DustMapMissing):
        ebv_sfd_lowres(0.0, 0.0)
    _make_an_array()
    # Pillow imports the readers of PNG and JPEG at the first picture.
    Image.preinit()


def _make_an_array() -> None:
    """Let pyarrow look for pandas, which it does at the first array, and find none: a child could not open it."""
    finder = _WithoutPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)


class _WithoutPandas(MetaPathFinder):
    """Denies that there is pandas."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse one name and leave all others to the other finders."""
        del path, target
        if fullname.partition(".")[0] == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)
        return None
