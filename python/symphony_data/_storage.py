"""Storage that URLs name, such as ``s3://``: pyarrow reaches it, or fsspec where pyarrow does not know the scheme.

URLs are plain text without ``%`` escapes. What is behind a ``?`` are options of the connection, as pyarrow reads them.
"""

from __future__ import annotations

import functools
import os
import shutil
from typing import Any
from urllib.parse import quote

_AT_ONCE = 8 << 20
"""How many bytes are copied at once."""


def _parts(url: str) -> tuple[str, str, str]:
    """The scheme and host of a URL, the path on it, and the options."""
    place, _, options = url.partition("?")
    scheme, _, rest = place.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}", path, options


@functools.lru_cache(maxsize=8)
def _connection(root: str, options: str) -> tuple[Any, str] | None:
    """pyarrow's connection to a scheme and host, and where its paths begin; None where it does not know the scheme."""
    try:
        from pyarrow import ArrowInvalid, fs
    except ModuleNotFoundError as error:
        raise OSError('URLs need pyarrow: pip install "symphony-data[arrow]"') from error
    try:
        connection, path = fs.FileSystem.from_uri(f"{root}/?{options}" if options else f"{root}/")
    except ArrowInvalid as error:
        if "Unrecognized filesystem type" in str(error):
            return None
        raise OSError(str(error)) from error
    return connection, path.rstrip("/")


def _reached(url: str) -> tuple[Any, str]:
    """The connection to a URL, and the path on it."""
    root, path, options = _parts(url)
    found = _connection(root, options)
    if found is not None:
        return found[0], f"{found[1]}/{path}"
    scheme = root.partition("://")[0]
    try:
        import fsspec
    except ModuleNotFoundError as error:
        raise OSError(f"pyarrow does not know `{scheme}://`; fsspec may: pip install fsspec") from error
    from pyarrow import fs

    try:
        connection, path = fsspec.url_to_fs(quote(url, safe=":/?&=@+,;%~") if scheme in ("http", "https") else url)
    except (ImportError, ValueError) as error:
        raise OSError(f"neither pyarrow nor fsspec can read `{scheme}://` ({error})") from error
    return fs.PyFileSystem(fs.FSSpecHandler(connection)), path


def _stamp_of(info: Any) -> tuple[int, int]:
    """The size of a file in bytes, and when it was last written, in nanoseconds since 1970; 0 where nobody knows."""
    if info.size is None:
        raise OSError("its size is not known")
    return info.size, max(0, info.mtime_ns or 0)


def listed(folder: str, below: bool) -> list[tuple[str, int, int]]:
    """The files in a folder and, with `below`, in its folders: the name there, size, and time of writing."""
    from pyarrow import fs

    connection, path = _reached(folder)
    path = path.rstrip("/")
    infos = connection.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=below))
    files = [info for info in infos if info.type == fs.FileType.File]
    return [(info.path[len(path) :].lstrip("/"), *_stamp_of(info)) for info in files]


def stamp(url: str) -> tuple[int, int]:
    """The size of a file, and when it was last written."""
    from pyarrow import fs

    connection, path = _reached(url)
    info = connection.get_file_info(path)
    if info.type != fs.FileType.File:
        raise FileNotFoundError("there is no such file")
    return _stamp_of(info)


def read(url: str, start: int, end: int) -> bytes:
    """Some bytes of a file, fewer at its end."""
    connection, path = _reached(url)
    with connection.open_input_file(path) as file:
        return bytes(file.read_at(end - start, start))


def put(file: str | os.PathLike[str], url: str) -> None:
    """Writes a copy of a local file."""
    connection, path = _reached(url)
    if connection.type_name in ("hdfs", "local") or connection.type_name.startswith("py::"):
        connection.create_dir(path.rpartition("/")[0], recursive=True)
    with open(file, "rb") as own, connection.open_output_stream(path) as copy:
        shutil.copyfileobj(own, copy, _AT_ONCE)


def remove(folder: str) -> None:
    """Removes a folder and what is in it, if it is there."""
    connection, path = _reached(folder)
    try:
        connection.delete_dir(path)
    except FileNotFoundError:
        pass
