"""Storage that URLs name, such as ``s3://``: pyarrow reaches it, or fsspec where pyarrow does not know the scheme.

URLs are plain text: only user and password have ``%`` escapes. What is behind a ``?`` are options of the connection, as
pyarrow reads them; on the web they are part of the file's address.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

_AT_ONCE = 8 << 20
"""How many bytes are copied at once."""
_VERSIONS = ("ETag", "etag", "Content-MD5", "Digest", "Last-Modified", "LastModified", "created", "md5", "checksum")
"""What fsspec may know about the version of a file that has no time."""
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def _parts(url: str) -> tuple[str, str, str]:
    """The scheme and host of a URL, the path on it, and the options."""
    place, _, options = url.partition("?")
    scheme, _, rest = place.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}", path, options


def _without_secrets(call: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Takes user, password and options of the URL, the last text among the arguments, out of what `call` raises."""

    @functools.wraps(call)
    def scrubbed(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        try:
            return call(*args, **kwargs)
        except Exception as error:
            url = next(text for text in reversed(args) if isinstance(text, str))
            root, _, options = _parts(url)
            user = root.partition("://")[2].rpartition("@")[0]
            said = str(error)
            for secret in sorted({options, user, *user.split(":")}, key=len, reverse=True):
                said = said.replace(secret, "…") if secret else said
            kind = type(error) if type(error) in (FileNotFoundError, PermissionError) else OSError
            raise kind(said or type(error).__name__) from None

    return scrubbed


@functools.lru_cache(maxsize=8)
def _connection(root: str, options: str) -> tuple[Any, str] | None:
    """pyarrow's connection to a scheme and host, and where its paths begin; None where it does not know the scheme."""
    try:
        from pyarrow import ArrowInvalid, fs
    except ModuleNotFoundError:
        raise OSError('URLs need pyarrow: pip install "symphony-data[arrow]"') from None
    try:
        connection, path = fs.FileSystem.from_uri(f"{root}/?{options}" if options else f"{root}/")
    except ArrowInvalid as error:
        said = str(error)
        if "Unrecognized filesystem type" in said:
            return None
        if "parse URI" in said:
            said = "its user, password or options have a character that is to be written as % and two hex digits"
        raise OSError(said) from None
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
    except ModuleNotFoundError:
        raise OSError(f"pyarrow does not know `{scheme}://`; fsspec may: pip install fsspec") from None
    from pyarrow import fs

    try:
        connection, path = fsspec.url_to_fs(quote(url, safe=":/?&=@+,;%~") if scheme in ("http", "https") else url)
    except (ImportError, ValueError) as error:
        raise OSError(f"neither pyarrow nor fsspec can read `{scheme}://` ({error})") from None
    return fs.PyFileSystem(fs.FSSpecHandler(connection)), path


def _stamp_of(connection: Any, info: Any) -> tuple[int, int]:
    """The size of a file in bytes, and when it was last written, in nanoseconds since 1970.

    Where no time is known, it is a hash of what is known of the file's version, or 0.
    """
    modified = info.mtime_ns
    if modified is None and connection.type_name.startswith("py::"):
        known = connection.handler.fs.info(info.path)
        version = [str(known[key]) for key in _VERSIONS if known.get(key)]
        if version:
            modified = int.from_bytes(hashlib.sha256("\n".join(version).encode()).digest()[:7], "big")
    if info.size is None:
        raise OSError("the server does not say how large it is")
    return info.size, max(0, modified or 0)


@_without_secrets
def listed(folder: str, below: bool) -> list[tuple[str, int, int]]:
    """The files in a folder and, with `below`, in its folders: the name there, size, and time of writing."""
    from pyarrow import fs

    connection, path = _reached(folder)
    path = path.rstrip("/")
    files = []
    for info in connection.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=below)):
        if info.size is None and info.type == fs.FileType.File:
            # The list of a web server has names alone.
            info = connection.get_file_info(info.path)
        if info.type == fs.FileType.File:
            files.append((info.path[len(path) :].lstrip("/"), *_stamp_of(connection, info)))
    return files


@_without_secrets
def stamp(url: str) -> tuple[int, int]:
    """The size of a file, and when it was last written."""
    from pyarrow import fs

    connection, path = _reached(url)
    info = connection.get_file_info(path)
    if info.type != fs.FileType.File:
        raise FileNotFoundError("there is no such file")
    return _stamp_of(connection, info)


@_without_secrets
def read(url: str, start: int, end: int) -> bytes:
    """Some bytes of a file, fewer at its end."""
    connection, path = _reached(url)
    with connection.open_input_file(path) as file:
        return bytes(file.read_at(end - start, start))


@_without_secrets
def put(file: str | os.PathLike[str], url: str) -> None:
    """Writes a copy of a local file."""
    connection, path = _reached(url)
    if connection.type_name in ("hdfs", "local") or connection.type_name.startswith("py::"):
        connection.create_dir(path.rpartition("/")[0], recursive=True)
    # pyarrow would compress by the ending of a name.
    with open(file, "rb") as own, connection.open_output_stream(path, compression=None) as copy:
        shutil.copyfileobj(own, copy, _AT_ONCE)


@_without_secrets
def remove(folder: str) -> None:
    """Removes a folder and what is in it, if it is there."""
    from pyarrow import fs

    connection, path = _reached(folder)
    if connection.get_file_info(fs.FileSelector(path, allow_not_found=True)):
        connection.delete_dir(path)
