"""From finished chunks to cases.parquet and events.parquet, one chunk in memory at a time."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.files import atomic_path, fsync_dir
from skycrane.montecarlo.campaign import Campaign
from skycrane.montecarlo.chunks import chunk_path, read_chunk
from skycrane.montecarlo.rows import EVENT_FIELDS, INPUT, cases_schema, table_schema

__all__ = ["Harvest", "merge"]

Array = NDArray[np.float64]

_CASES_A_GROUP = 8192
_EVENTS_A_GROUP = 131_072
"""Rows of a row group: fixed, so that the bytes do not depend on the size of the chunks."""


class Harvest:
    """What the statistics need of all cases: a few hundred bytes a case, the rest on disk.

    Attributes:
        cases: how many there are.
        outcomes: how each case ended, shape (n,).
        reasons: the first reason told for each outcome but landing.
        times: per event name, when each case first had it [s], shape (n,), NaN where it did not.
    """

    def __init__(self, path: Path, cases: int) -> None:
        self._path = path
        self.cases = cases
        self.outcomes = np.zeros(cases, dtype="U32")
        self.reasons: dict[str, str] = {}
        self.times: dict[str, Array] = {}

    def add(self, cases: pa.Table, events: pa.Table) -> None:
        """Take in some cases and their events, which are in order of time for each case."""
        outcomes = cases.column("outcome").to_pylist()
        self.outcomes[cases.column("case").to_numpy()] = outcomes
        for outcome, reason in zip(outcomes, cases.column("reason").to_pylist(), strict=True):
            if reason:
                self.reasons.setdefault(outcome, reason)
        names = events.column("event")
        case, t_s = events.column("case").to_numpy(), events.column("t_s").to_numpy()
        for name in pc.unique(names).to_pylist():
            chosen = pc.equal(names, name).to_numpy()
            first, where = np.unique(case[chosen], return_index=True)
            times = self.times.setdefault(name, np.full(self.cases, np.nan))
            times[first] = t_s[chosen][where]

    @property
    def inputs(self) -> list[str]:
        """The names of the columns that hold what cases drew."""
        return [name for name in pq.read_schema(self._path).names if name.startswith(INPUT)]

    def figure(self, name: str) -> Array:
        """Return a numeric column of cases.parquet, shape (n,), NaN where it is missing."""
        return np.asarray(pq.read_table(self._path, columns=[name]).column(0).to_numpy())


def merge(campaign: Campaign, told: Callable[[int], None]) -> Harvest:
    """Write cases.parquet and events.parquet of a finished campaign; return what they hold.

    Args:
        campaign: all of whose chunks are there.
        told: called with the number of cases of each chunk merged.

    Raises:
        InputError: a chunk is missing or damaged, or the directory cannot be written to.
    """
    harvest = Harvest(campaign.directory / "cases.parquet", campaign.identity.cases)
    cases = cases_schema(campaign.mission)
    events = pa.schema([("case", pa.int32()), *EVENT_FIELDS])
    events = pa.schema([field.with_nullable(False) for field in events])
    directory = campaign.directory
    with (
        _grouped(directory / "cases.parquet", cases, _CASES_A_GROUP) as put_cases,
        _grouped(directory / "events.parquet", events, _EVENTS_A_GROUP) as put_events,
    ):
        for chunk in campaign.chunks:
            table = _chunk(campaign, chunk)
            rows, happened = table.select(cases.names).cast(cases), _exploded(table, events)
            put_cases(rows)
            put_events(happened)
            harvest.add(rows, happened)
            told(table.num_rows)
    return harvest


def _chunk(campaign: Campaign, chunk: int) -> pa.Table:
    key, schema = campaign.identity.key, table_schema(campaign.mission)
    table = read_chunk(campaign.directory, chunk, key, schema, campaign.case_ids(chunk))
    if table is None:
        raise InputError(
            "this chunk was lost or damaged while merging",
            where=str(chunk_path(campaign.directory, chunk)),
            right="Run the same command again; it flies what is not whole.",
        )
    return table


def _exploded(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the events of some cases, one a row."""
    lists = table.column("events").combine_chunks()
    flat = lists.flatten()
    case = table.column("case").combine_chunks().take(pc.list_parent_indices(lists))
    columns = [case, *(flat.field(name) for name, _ in EVENT_FIELDS)]
    return pa.table(columns, schema=schema)


@contextlib.contextmanager
def _grouped(path: Path, schema: pa.Schema, size: int) -> Iterator[Callable[[pa.Table], None]]:
    """Yield what takes tables and writes them in row groups of `size` rows, whole or not at all."""
    # Two shards that merge where locks are unknown write under names of their own.
    own = path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}.partial")
    pending: list[pa.Table] = []

    def put(table: pa.Table) -> None:
        pending.append(table)
        while sum(t.num_rows for t in pending) >= size:
            write(size)

    def write(rows: int) -> None:
        joined = pa.concat_tables(pending).combine_chunks()
        writer.write_table(joined.slice(0, rows), row_group_size=size)
        # A slice would keep the whole joined table in memory.
        rest = joined.slice(rows)
        pending[:] = [rest.take(pa.array(np.arange(rest.num_rows)))] if rest.num_rows else []

    with atomic_path(own) as partial:
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        with pq.ParquetWriter(
            partial, schema, compression="zstd", use_dictionary=texts, write_page_checksum=True
        ) as writer:
            yield put
            if pending:
                write(size)
    os.replace(own, path)
    fsync_dir(path.parent)
