"""Compares `symphony-data` with plain Python, Polars and DuckDB at the same work; see `__main__.py`.

`benches/compare_irt.py` uses `measure` and `report` too. The measuring process imports no data library, because Linux
counts the memory of the process that starts a child into the child's ru_maxrss. `peers` and `files` import such
libraries, so their functions run in processes of their own.
"""
