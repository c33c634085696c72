"""Workspace of a model: blocks of memory that are allocated once and used by one run after another.

Each block serves one caller at a time, so that a model can be used from several threads. If all
blocks are in use, a new block is allocated. A block that is too small for a plan and batch size is
replaced by a larger block; a smaller batch runs in a part of it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any

from cnnrs.model.parameters.arena import Arena
from cnnrs.model.parameters.memory import aligned_empty, check_fits
from cnnrs.model.plan.plan import Plan
from cnnrs.model.run.executor import Run
from cnnrs.model.run.prepared import PreparedWeights

__all__ = ["Workspace"]

# per block: a training and a prediction plan, each with a full and a last, shorter batch, and more
RUNS_KEPT = 8


class Block:
    """One block of memory and the runs that use it."""

    def __init__(self) -> None:
        self.memory: Any = aligned_empty(0, "uint8")
        self.runs: OrderedDict[tuple[Plan, int], Run] = OrderedDict()

    def run(self, plan: Plan, arena: Arena, count: int, prepared: PreparedWeights) -> Run:
        """Return the run of a plan for a batch of `count` samples."""
        size = plan.bytes_per_sample * count
        if size > self.memory.size:
            check_fits(size, f"a batch of {count} samples")
            self.runs.clear()
            self.memory = aligned_empty(0, "uint8")  # free before allocating
            self.memory = aligned_empty(size, "uint8")
        key = plan, count
        run = self.runs.get(key)
        if run is None or run.arena is not arena:
            run = self.runs[key] = Run(
                plan, arena, self.memory, count, None if plan.training else prepared
            )
            if len(self.runs) > RUNS_KEPT:
                self.runs.popitem(last=False)
        else:
            self.runs.move_to_end(key)
        return run


class Workspace:
    """All blocks of one model."""

    def __init__(self) -> None:
        self._free: deque[Block] = deque()  # its append and pop are atomic
        self._blocks: list[Block] = []
        self.prepared = PreparedWeights()

    def acquire(self, plan: Plan, arena: Arena, count: int) -> tuple[Block, Run]:
        """Return a run for one caller, with the block to give back with `release`."""
        try:
            block = self._free.pop()
        except IndexError:
            block = Block()
            self._blocks.append(block)
        try:
            return block, block.run(plan, arena, count, self.prepared)
        except BaseException:
            self._free.append(block)
            raise

    def release(self, block: Block) -> None:
        """Give a block back."""
        self._free.append(block)

    def clear(self) -> None:
        """Free all blocks that are not in use, and all transformed weights."""
        self._free.clear()
        self._blocks.clear()
        self.prepared.clear()

    @property
    def nbytes(self) -> int:
        """Bytes held in blocks and transformed weights."""
        return sum(int(block.memory.size) for block in self._blocks) + self.prepared.nbytes
