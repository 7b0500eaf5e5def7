"""Fail when tests of the real data were skipped although the data is there.

Usage: realdata_ran.py JUNIT_XML DATA_DIR
"""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def skipped(junit: Path) -> list[str]:
    """Return the names of the skipped tests that carry the property ``realdata``."""
    cases = ET.parse(junit).getroot().iter("testcase")  # noqa: S314 - our own report
    return [
        f"{case.get('classname')}.{case.get('name')}"
        for case in cases
        if case.find("skipped") is not None and case.find("properties/property[@name='realdata']") is not None
    ]


def main() -> int:
    """Return the exit status."""
    junit, data = Path(sys.argv[1]), Path(sys.argv[2])
    if not data.is_dir():
        sys.stderr.write(f"real data absent ({data}): its tests were skipped\n")
        return 0
    names = skipped(junit)
    for name in names:
        sys.stderr.write(f"skipped although the real data is here: {name}\n")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
