"""A map on disk: its reading and results as Parquet tables and JSON, written whole or not at all, asked with DuckDB.

``docs/store.md`` describes the folder and every column. The parts, in the order in which they build on each other:
``places`` (how a part takes the place of the one before), ``columns`` (the tables), ``reading`` (legs and names),
``slices`` and ``result`` (a result's document and tables), ``opened`` (a result to ask), ``conversations``,
``narrowed`` and ``pairs`` (the questions).
"""

from __future__ import annotations
