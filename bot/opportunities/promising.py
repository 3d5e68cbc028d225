"""Screen values of cycles, kept from block to block, and the sparse set of those that would earn at all."""

import numpy as np
from numpy.typing import NDArray


class Promising:
    """One row a cycle: `ids` are those with a value above zero, in an order that history made."""

    def __init__(self) -> None:
        self.values: NDArray[np.float64] = np.zeros(0)
        """Profit in base units at the last screening."""
        self.inputs: NDArray[np.float64] = np.zeros(0)
        """What goes in for it."""
        self.seats: NDArray[np.int32] = np.zeros(0, np.int32)
        """By row: its place in `members`, or -1."""
        self.members: NDArray[np.int32] = np.zeros(0, np.int32)
        self.size = 0

    @property
    def ids(self) -> NDArray[np.int32]:
        return self.members[: self.size]

    def grow(self, rows: int) -> None:
        more = rows - len(self.values)
        self.values = np.concatenate([self.values, np.zeros(more)])
        self.inputs = np.concatenate([self.inputs, np.zeros(more)])
        self.seats = np.concatenate([self.seats, np.full(more, -1, np.int32)])
        self.members = np.concatenate([self.members, np.zeros(more, np.int32)])
