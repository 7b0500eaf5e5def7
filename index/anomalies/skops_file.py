"""Plain arrays by name in a skops file, and nothing else."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
import orjson
from numpy.typing import NDArray

from survey.manifests import CorruptFolder

__all__ = ["TRUSTED", "Arrays", "read_skops", "write_skops"]

Arrays = dict[str, NDArray[Any]]

#: Types that a file may name, each with the loader that reads it; skops itself trusts hundreds, every estimator among them.
TRUSTED: Final = {
    "builtins.dict": "DictNode",
    "builtins.list": "ListNode",
    "builtins.str": "TypeNode",
    "numpy.ndarray": "NdArrayNode",
}
_SCHEMA = "schema.json"
# Of the layout: skops 0.10 to 0.16 write and read it.
_PROTOCOL = 2
# A zip archive knows no time before.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_skops(path: Path, arrays: Arrays) -> None:
    """Write arrays of numbers or text as ``skops.io.dump`` writes a dictionary of them; the same arrays give the same bytes.

    skops numbers objects by their addresses and dates its files by the clock, so that no two of its own are the same.
    """
    content, files = {}, {}
    for number, (name, array) in enumerate(arrays.items(), 1):
        if array.dtype.hasobject:
            raise ValueError(f"array {name} holds objects")
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        files[f"{number}.npy"] = buffer.getvalue()
        content[name] = {**_node("numpy.ndarray", number), "type": "numpy", "file": f"{number}.npy"}
    text = _node("builtins.str", len(arrays) + 1)
    keys = {**_node("builtins.list", len(arrays) + 2), "content": [text] * len(arrays)}
    whole = {**_node("builtins.dict", len(arrays) + 3), "content": content, "key_types": keys}
    schema = {**whole, "protocol": _PROTOCOL, "_skops_version": "0.13"}
    files[_SCHEMA] = orjson.dumps(schema, option=orjson.OPT_INDENT_2)
    with ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(ZipInfo(name, _EPOCH), data)


def read_skops(path: Path) -> Arrays:
    """Read what :func:`write_skops` wrote, or ``skops.io.dump`` of a dictionary of arrays.

    No code runs and no type is looked up, whatever the file names. skops's own reader imports all of scikit-learn to know
    which types to trust, some seconds of a service's start, and trusts what can end the process: trees with indices that lead outside.

    Raises
    ------
    CorruptFolder
        If it cannot be read, or names a type that is not in :data:`TRUSTED`.
    """
    try:
        with ZipFile(path) as archive:
            schema = orjson.loads(archive.read(_SCHEMA))
            found = sorted(_types(schema))
            foreign = [f"{name} ({loader})" for name, loader in found if TRUSTED.get(name) != loader]
            if foreign:
                raise CorruptFolder(
                    f"{path.name} holds {foreign[0]}, which no anomaly model has, and was not opened; "
                    "trust nothing that came with it, and build the release again"
                )
            return {name: _array(archive, node) for name, node in _content(schema).items()}
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        BadZipFile,
        NotImplementedError,
    ) as error:
        raise CorruptFolder(f"{path.name} cannot be read; build the release again") from error


def _node(kind: str, number: int) -> dict[str, Any]:
    module, _, name = kind.rpartition(".")
    return {"__class__": name, "__module__": module, "__loader__": TRUSTED[kind], "__id__": number}


def _types(node: Any) -> set[tuple[str, str]]:
    """Return every type that a schema names, with its loader."""
    if isinstance(node, list):
        return set().union(*map(_types, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    own = (
        {(f"{node['__module__']}.{node['__class__']}", node["__loader__"])} if "__loader__" in node else set()
    )
    return own.union(*map(_types, node.values()))


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    if schema["protocol"] != _PROTOCOL or schema["__class__"] != "dict":
        raise ValueError(f"protocol {schema['protocol']}")
    content: dict[str, Any] = schema["content"]
    return content


def _array(archive: ZipFile, node: dict[str, Any]) -> NDArray[Any]:
    if node["type"] != "numpy":
        raise ValueError("an array of objects")
    with archive.open(node["file"]) as stream:
        read: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return read
