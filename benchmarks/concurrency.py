"""Concurrent load: threads or processes that use one store at once and take operations from a common list.

A worker that waits takes fewer operations, so the counts also measure fairness. The clock stops when the list is empty
and not when the last call ends: a single late call would lower the rate of all workers that have finished.
"""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, islice
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from typing import Any, Protocol

import attrs

from benchmarks.measuring import Cost, no_collections


@attrs.define
class Work:
    """The result of one worker: calls, the seconds of each, refused calls, processor seconds, and its error."""

    done: int = 0
    durations: list[float] = attrs.field(factory=list)
    refused: int = 0
    cpu: float = 0
    error: BaseException | None = None
    ended: float = 0
    """When it found the list empty, by the clock that all processes share."""

    def timed(self, call: Callable[[Any], object], argument: object) -> None:
        """Make a call and record its duration, also if it is refused."""
        started = time.perf_counter()
        try:
            call(argument)
            self.done += 1
        finally:
            self.durations.append(time.perf_counter() - started)


def cost_of(works: Sequence[Work], *, cpu: float, started: float) -> Cost:
    """Return the cost of the work of all workers."""
    done = [work.done for work in works]
    durations = sorted(chain.from_iterable(work.durations for work in works))
    return Cost(
        cpu,
        min(work.ended for work in works) - started,
        worst=max(durations, default=0),
        fairness=min(done) / max(1, *done),
        refused=sum(work.refused for work in works),
        p99=durations[(len(durations) * 99 - 1) // 100] if durations else 0,
    )


@attrs.frozen
class Threads:
    """A thread for each of the calls, which may all be the same; they take the next argument each time."""

    calls: Sequence[Callable[[Any], object]]
    arguments: Iterator[Any]

    def run(self, count: int) -> Cost:
        """Run the threads until all operations are done.

        Raises:
            BaseException: the error of one of them.
        """
        pile = iter(list(islice(self.arguments, count)))
        works = [Work() for _ in self.calls]
        start = threading.Barrier(len(works) + 1)
        threads = [
            threading.Thread(target=_take_from, args=(pile, call, work, start))
            for call, work in zip(self.calls, works, strict=True)
        ]
        for thread in threads:
            thread.start()
        with no_collections():
            cpu, started = time.process_time(), time.monotonic()
            start.wait()
            for thread in threads:
                thread.join()
            cost = cost_of(works, cpu=time.process_time() - cpu, started=started)
        for error in filter(None, (work.error for work in works)):
            raise error
        return cost


def _take_from(pile: Iterator[Any], call: Callable[[Any], object], work: Work, start: threading.Barrier) -> None:
    start.wait()
    try:
        for argument in pile:  # a list's iterator gives each element to one thread only
            work.timed(call, argument)
    except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for this one
        work.error = error
    work.ended = time.monotonic()


class Worker(Protocol):
    """The object that a process works with; opened in it."""

    @property
    def busy(self) -> type[Exception]:
        """The error that it raises when the store was busy for too long."""

    def change(self, number: int) -> object:
        """Run the operation with this number."""

    def close(self) -> None:
        """Release all resources."""


@attrs.frozen
class Turn:
    """Operations up to ``last``, and further until ``until``, by the clock that all processes share."""

    last: int
    until: float


@attrs.define
class Processes:
    """Processes that wait for a command to work. Each turn lasts ``seconds``, or longer until ``count`` is done."""

    pipes: Sequence["Connection[Turn | None, Work]"]
    taken: "Synchronized[int]"
    seconds: float

    def run(self, count: int) -> Cost:
        """Run a turn, and return its cost for ``count`` operations."""
        before = self.taken.value
        started = time.monotonic()
        for pipe in self.pipes:
            pipe.send(Turn(before + count, started + self.seconds))
        works = [pipe.recv() for pipe in self.pipes]
        part = count / max(1, self.taken.value - before)
        cost = cost_of(works, cpu=sum(work.cpu for work in works), started=started)
        return attrs.evolve(cost, cpu=cost.cpu * part, wall=cost.wall * part)


@contextmanager
def processes(workers: int, opened: Callable[[], Worker], *, seconds: float) -> Iterator[Processes]:
    """Start processes, each with its own worker, and end them afterwards."""
    context = multiprocessing.get_context("spawn")
    taken = context.Value("q", 0)
    ends = [context.Pipe() for _ in range(workers)]
    started = [context.Process(target=_serve, args=(theirs, taken, opened), daemon=True) for _, theirs in ends]
    for process, (_, theirs) in zip(started, ends, strict=True):
        process.start()
        theirs.close()  # so that the end of a process is seen
    try:
        for ours, _ in ends:
            ours.recv()  # the worker is ready
        yield Processes([ours for ours, _ in ends], taken, seconds)
    finally:
        for ours, _ in ends:
            ours.send(None)
        for process in started:
            process.join()


def _serve(pipe: "Connection[Work, Turn | None]", taken: "Synchronized[int]", opened: Callable[[], Worker]) -> None:
    with closing(opened()) as worker:
        pipe.send(Work())
        while (turn := pipe.recv()) is not None:
            pipe.send(_work(worker, taken, turn))


def _work(worker: Worker, taken: "Synchronized[int]", turn: Turn) -> Work:
    work, cpu = Work(), time.process_time()
    while (number := _next(taken, turn)) is not None:
        try:
            work.timed(worker.change, number)
        except worker.busy:
            work.refused += 1
    work.cpu, work.ended = time.process_time() - cpu, time.monotonic()
    return work


def _next(taken: "Synchronized[int]", turn: Turn) -> int | None:
    with taken.get_lock():
        number = taken.value
        if number >= turn.last and time.monotonic() >= turn.until:
            return None
        taken.value = number + 1
        return number
