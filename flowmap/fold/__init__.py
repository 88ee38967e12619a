"""The fold: batches of packets to legs, in one pass.

``LegFold`` is the compiled one; :class:`flowmap.fold.plain.PlainFold` says the same in plain Python and is its oracle.
"""

from __future__ import annotations

from flowmap.fold.compiled import LegFold
from flowmap.fold.marks import partition_of

__all__ = ["LegFold", "partition_of"]
