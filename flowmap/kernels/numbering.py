"""Numbers for rows of words, so that equal rows share one: a hash table over a table."""

from __future__ import annotations

from flowmap.kernels import kernel
from flowmap.kernels.arrays import Int32, Int64, Rows
from flowmap.kernels.transport import mixed


@kernel
def number_of(rows: Rows, slots: Int32, counts: Int64, place: int) -> int:
    """Number of the key that stands in the first free row: an earlier equal row's, else its own."""
    count = int(counts[place])
    hashed = 0
    for word in range(rows.shape[1]):
        hashed = mixed(hashed, rows[count, word])
    slot = hashed & (len(slots) - 1)
    while slots[slot] != 0:
        number = int(slots[slot]) - 1
        same = True
        for word in range(rows.shape[1]):
            same = same and rows[number, word] == rows[count, word]
        if same:
            return number
        slot = (slot + 1) & (len(slots) - 1)
    slots[slot] = count + 1
    counts[place] = count + 1
    return count
