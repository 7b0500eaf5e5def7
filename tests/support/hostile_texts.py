"""Texts, names and JSON that strangers send where a short honest one is meant."""

from urllib.parse import quote

__all__ = ["BODIES", "NAMES", "NUMBERS", "TEXTS"]

#: As they stand in a URL (rows 51, 52, 60).
TEXTS = {
    "NUL": "%00",
    "NUL inside": "J0%0000",
    "lone surrogate": "%ED%A0%80",
    "cut UTF-8": "%C3",
    "no hexadecimal": "%zz",
    "right to left": "%E2%80%AE3210J",
    "invisible": "%E2%80%8B",
    "combining": "e" + "%CC%81" * 500,
    "look-alike": quote("Ｊ0０000"),
    "line end": "%0d%0aSet-Cookie:%20a=b",
    "escape": "%1b%5b31m",
    "20,000 letters": "x" * 20_000,
    "SQL": quote("' OR 1=1; DROP TABLE galaxies --"),
    "LIKE": "%25_",
    "template": quote("{{7*7}}${7*7}<%=7%>"),
    "format": "%25s%25n{0}",
    "script": quote("<script>alert(1)</script>"),
    "regular expression": quote("(a+)+$"),
    "JNDI": quote("${jndi:ldap://127.0.0.1/x}"),
    "null": "null",
    "list": quote("['a','b']"),
}

#: For a parameter that is a number (rows 51, 57, 59).
NUMBERS = {
    "nothing": "",
    "NaN": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-inf",
    "1e400": "1e400",
    "-1e400": "-1e400",
    "5,000 digits": "9" * 5000,
    "hexadecimal": "0x10",
    "full-width digits": quote("１０"),
    "Arabic digits": quote("١٠"),
    "superscript": quote("²"),
    "fraction sign": quote("½"),
    "complex": "1j",
    "comma": "1,5",
    "two points": "1.2.3",
    "list": "[1]",
    "true": "true",
    "NUL": "1%00",
    "minus sign of mathematics": quote("−1"),
}

_STEPS = ("..", ".", "%2e%2e", "．．", "..;", "~", "C:")
_ENDS = ("etc/passwd", "tiny", "catalogue.db", "")
_JOINTS = ("/", "%2f", "\\", "%5c", "%252f", "∕")
_PLAIN = (
    "/etc/passwd", "//etc/passwd", "file:///etc/passwd", "http://127.0.0.1/", "tiny/", "/tiny", "tiny/..", "./tiny",
    "TINY", "Tiny", "tiny ", " tiny", "tiny.", "-tiny", "_tiny", ".tiny", "tiny\x00", "tiny\n", "tiny\r", "tiny\t",
    "tiny%00", "tіny", "ｔiny", "tiny\u200b", "tiny\u202e", "tiny\u0301", "t\u0131ny", "*", "?", "[a-z]*", "tiny|rgb",
    "tiny;rgb", "tiny&rgb", "tiny,rgb", "tiny'", 'tiny"', "tiny`", "$(id)", "a" * 65, "a" * 1000, "NUL", "CON",
)  # fmt: skip

#: Names of a survey or a release that are none: paths, look-alikes, wild cards (row 63).
NAMES = sorted(
    {f"{step}{joint}{end}" for step in _STEPS for joint in _JOINTS for end in _ENDS if joint != end}
    | set(_PLAIN)
)

#: What no JSON route may take or fail on (rows 50 to 53).
BODIES = {
    "nothing": b"",
    "cut": b"{",
    "depth of 100,000": b"[" * 100_000,
    "depth of 50,000, closed": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "NaN": b'{"ids": [NaN]}',
    "NaN as a name": b"{NaN: 1}",
    "Infinity": b'{"positions": [{"ra_deg": Infinity, "dec_deg": 0}]}',
    "1e400": b'{"positions": [{"ra_deg": 1e400, "dec_deg": 0}]}',
    "5,000 digits": b'{"ids": [' + b"9" * 5000 + b"]}",
    "lone surrogate": b'{"ids": ["\\ud800"]}',
    "lone surrogate as a name": b'{"\\udfff": 1}',
    "surrogate in UTF-8": b'{"ids": ["\xed\xa0\x80"]}',
    "NUL": b'{"ids": ["J\\u0000"]}',
    "right to left": b'{"ids": ["\\u202e"]}',
    "60,000 letters": b'{"ids": ["' + b"x" * 60_000 + b'"]}',
    "UTF-16": '{"ids": ["a"]}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "200,000 keys": b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}",
    "a million numbers": b'{"ids": [' + b"1," * 500_000 + b"1]}",
    "more than the limit": b'"' + b"x" * (2 << 20) + b'"',
    "the same name twice": b'{"ids": ["a"], "ids": [1]}',
    "a prototype": b'{"__proto__": {"a": 1}, "__class__": "x"}',
}  # fmt: skip
