"""Who flies the chunks: a pool of processes, a Dask cluster, or this process with its GPU."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from skycrane.errors import CampaignError, InputError, SkycraneError
from skycrane.flight.simulate import FlightPlan
from skycrane.mission.load import parse_mission
from skycrane.montecarlo.campaign import Campaign, Identity
from skycrane.montecarlo.chunks import chunk_cases, write_chunk
from skycrane.montecarlo.ground import campaign_ground
from skycrane.montecarlo.rows import chunk_table

__all__ = ["Job", "dask_crew", "fly_chunk", "local_crew", "own_crew", "work_off"]

_TRIES = 3
"""Times in a row that workers may be lost without a chunk finished in between."""


@dataclass(frozen=True)
class Job:
    """What a worker needs to fly any chunk of a campaign.

    Attributes:
        directory: of the campaign, absolute; workers of a cluster have to see it too.
        mission_toml: the mission as resolved.
        identity: of the campaign.
        device: "cpu" or "cuda:0".
    """

    directory: str
    mission_toml: str
    identity: Identity
    device: str

    @classmethod
    def of(cls, campaign: Campaign, device: str) -> Job:
        """Return the job of a campaign."""
        text = (campaign.directory / "mission.toml").read_text(encoding="utf-8")
        return cls(str(campaign.directory.resolve()), text, campaign.identity, device)


_CONNECT_S = 30


_plans: dict[tuple[str, str], FlightPlan] = {}
_plans_lock = threading.Lock()


def _plan(job: Job) -> FlightPlan:
    """Return the job's flight plan, made once a process; only the last one is kept."""
    key = (job.identity.key, job.device)
    with _plans_lock:
        if key not in _plans:
            mission = parse_mission(job.mission_toml, where="mission.toml")
            _plans.clear()
            _plans[key] = FlightPlan.of(
                mission,
                device=job.device,
                seed=job.identity.seed,
                heights=campaign_ground(Path(job.directory), mission),
                fidelity=job.identity.fidelity,
            )
        return _plans[key]


def warm(job: Job) -> None:
    """Fly one case, so that kernels are compiled and the ground is in the cache."""
    _plan(job).fly([0])


def fly_chunk(job: Job, chunk: int) -> int:
    """Fly a chunk, keep it, and return how many of its cases did not land.

    Raises:
        InputError: the directory cannot be written to or the disk is full.
    """
    plan, identity = _plan(job), job.identity
    ids = chunk_cases(chunk, size=identity.chunk_cases, cases=identity.cases)
    table = chunk_table(plan.fly(ids), plan.mission, plan.reference, ids)
    write_chunk(Path(job.directory), chunk, identity.key, table)
    return sum(outcome != "landed" for outcome in table.column("outcome").to_pylist())


Crew = Callable[[], contextlib.AbstractContextManager[tuple[Executor, int]]]
"""Opens an executor and says how many chunks to hand it at a time."""


def work_off(job: Job, chunks: list[int], crew: Crew, told: Callable[[int, int], None]) -> None:
    """Fly chunks in any order; those of a worker that dies are flown again by a new one.

    Args:
        job: what they belong to.
        chunks: their numbers.
        crew: opens an executor; opened anew when its workers have died.
        told: called with each finished chunk and how many of its cases did not land.

    Raises:
        CampaignError: workers die again and again without finishing anything.
        SkycraneError: whatever a chunk raises.
    """
    left = dict.fromkeys(chunks)
    lost = 0
    while left:
        before = len(left)
        try:
            with crew() as (executor, window):
                executor.submit(warm, job).result()
                for chunk, failed in _flown(executor, window, job, list(left)):
                    del left[chunk]
                    told(chunk, failed)
        except BrokenProcessPool as error:
            lost = 0 if len(left) < before else lost + 1
            if lost >= _TRIES:
                raise CampaignError(
                    f"workers die before they finish anything ({lost} times in a row, next was "
                    f"chunk {next(iter(left))})",
                    where=job.directory,
                    right="Fewer --workers need less memory; what is finished stays finished.",
                ) from error


def _flown(
    executor: Executor, window: int, job: Job, chunks: list[int]
) -> Iterator[tuple[int, int]]:
    """Yield chunks as they are finished; at most `window` are handed out at a time."""
    waiting = iter(chunks)
    out: dict[Future[int], int] = {}
    while True:
        while len(out) < window and (chunk := next(waiting, None)) is not None:
            out[executor.submit(fly_chunk, job, chunk)] = chunk
        if not out:
            return
        for future in wait(out, return_when=FIRST_COMPLETED).done:
            yield out.pop(future), future.result()


def local_crew(workers: int) -> Crew:
    """Return what opens a pool of processes, one thread each.

    They are started afresh ("spawn"), since a process that has computed cannot be forked safely,
    and end with this one, however it ends: each watches a pipe that only this process holds open.
    """

    @contextlib.contextmanager
    def crew() -> Iterator[tuple[Executor, int]]:
        context = multiprocessing.get_context("spawn")
        watched, held = context.Pipe(duplex=False)
        with _one_thread_each():
            pool = ProcessPoolExecutor(
                workers, mp_context=context, initializer=_begin_worker, initargs=(watched,)
            )
            try:
                _start_all(pool, workers)
                yield pool, 2 * workers
            except BaseException:
                held.close()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            finally:
                pool.shutdown()
                held.close()
                watched.close()

    return crew


def _start_all(pool: Executor, workers: int) -> None:
    """Start a pool's processes, deaf to the Ctrl-C that a terminal sends to all it began.

    A process inherits what its starter has blocked; while it imports, and can do nothing about a
    signal yet, Ctrl-C would end it with a traceback. So it would if its starter broke off while
    handing it what it needs: here the signal counts only once all have been started.
    """
    with _interrupt_later():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            # Each submission starts one process as long as none is idle, and none is so soon.
            for _ in range(workers):
                pool.submit(os.getpid)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _interrupt_later() -> Iterator[None]:
    """Put a KeyboardInterrupt off to the end of what is inside.

    Blocking the signal in this thread does not do it: another of the process takes it then, and
    this one is interrupted all the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)
    if came:
        signal.raise_signal(signal.SIGINT)


_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes started inside use one thread: they are as many as there are cores."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin_worker(watched: Connection) -> None:
    """Leave Ctrl-C to the process that started this one, and end when that one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        with contextlib.suppress(OSError, EOFError):
            watched.recv_bytes()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Here(Executor):
    """Runs what it is handed at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def own_crew() -> Crew:
    """Return what lets this process fly, for a GPU, which takes one large chunk after the other."""

    @contextlib.contextmanager
    def crew() -> Iterator[tuple[Executor, int]]:
        yield _Here(), 1

    return crew


def dask_crew(address: str) -> Crew:
    """Return what hands chunks to the workers of a Dask scheduler.

    Raises, when opened:
        InputError: Dask is not installed, or no scheduler answers at the address.
        CampaignError: the cluster was lost.
    """

    @contextlib.contextmanager
    def crew() -> Iterator[tuple[Executor, int]]:
        try:
            from distributed import Client
            from distributed.comm import get_address_host_port, parse_address
        except ImportError as error:
            raise InputError(
                "Dask is not installed",
                where="--dask",
                right="Install it with `pip install skycrane[dask]`.",
            ) from error
        try:
            # A client that fails on the address's form leaves threads that will not end.
            if parse_address(address, strict=True)[0] != "inproc":
                get_address_host_port(address, strict=True)
            client = Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(
                f"no Dask scheduler answers at {address!r}",
                where="--dask",
                right="Give its address as `dask scheduler` prints it: tcp://HOST:8786.",
            ) from error
        with client:
            # Futures are small; enough of them that no worker waits for this process.
            threads = sum(client.nthreads().values())
            try:
                yield client.get_executor(pure=False, retries=_TRIES), max(4 * threads, 64)
            except (SkycraneError, KeyboardInterrupt, GeneratorExit):
                raise
            except Exception as error:
                raise CampaignError(
                    f"the Dask cluster failed ({type(error).__name__}: {str(error)[:200]})",
                    where=address,
                    right="Look at its workers; the same command goes on from here.",
                ) from error

    return crew
