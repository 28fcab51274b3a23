"""A chunk: some consecutive cases in one Parquet file, whole or absent, checked when read."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from skycrane.files import atomic_path, fsync_dir

__all__ = ["chunk_cases", "chunk_path", "parquet_bytes", "read_chunk", "write_chunk", "write_whole"]

_MOST_BYTES = 1 << 30
_KEY = b"skycrane.chunk"


def chunk_cases(chunk: int, *, size: int, cases: int) -> range:
    """Return the numbers of the cases of a chunk."""
    return range(chunk * size, min((chunk + 1) * size, cases))


def chunk_path(directory: Path, chunk: int) -> Path:
    """Return where a finished chunk lies."""
    return directory / "cases" / f"chunk-{chunk:06d}.parquet"


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as Parquet, with a checksum a page; the same table gives the same bytes."""
    sink = io.BytesIO()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        write_statistics=False,
        write_page_checksum=True,
        use_dictionary=["outcome", "reason", "events.list.element.event"],
    )
    return sink.getvalue()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that several processes may be writing at once, all of them the same bytes.

    Each writes under a name of its own and then renames, so that the last of them changes nothing.

    Raises:
        InputError: the directory cannot be written to or the disk is full.
    """
    own = path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}.partial")
    with atomic_path(own) as partial:
        partial.write_bytes(data)
    os.replace(own, path)
    fsync_dir(path.parent)


def write_chunk(directory: Path, chunk: int, key: str, table: pa.Table) -> None:
    """Keep a chunk; `key` names the campaign it belongs to.

    Raises:
        InputError: the directory cannot be written to or the disk is full.
    """
    marked = table.replace_schema_metadata({_KEY: f"{key} {chunk}".encode()})
    write_whole(chunk_path(directory, chunk), parquet_bytes(marked))


def read_chunk(
    directory: Path, chunk: int, key: str, schema: pa.Schema, case_ids: Sequence[int]
) -> pa.Table | None:
    """Return a finished chunk, or None where there is none or it is damaged in any way.

    Checked are the checksum of every page, the columns, the numbers of the cases, and the key.
    """
    path = chunk_path(directory, chunk)
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return None
        # A file that is damaged may claim sizes beyond all memory; one pass with one thread.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if (file.metadata.metadata or {}).get(_KEY) != f"{key} {chunk}".encode():
                return None
            if not file.schema_arrow.remove_metadata().equals(schema):
                return None
            if file.metadata.num_rows != len(case_ids):
                return None
            table = file.read(use_threads=False)
        table.validate(full=True)
    except (OSError, pa.ArrowException, ValueError, OverflowError, MemoryError):
        return None
    if table.column("case").to_pylist() != list(case_ids):
        return None
    return table
