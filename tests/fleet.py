"""Runs the statements of docs/fleet.md that are given as JSON on standard input, in this directory, and gives rows as JSON.

Each statement's rows, then pages by host and class as DuckDB counts them and as pyarrow does.
"""

import json
import sys

import duckdb
import pyarrow.compute
import pyarrow.dataset

database = duckdb.connect()
asked = json.load(sys.stdin)
answers = []
for statement in asked["statements"]:
    result = database.execute(statement)
    answers.append([list(map(str, row)) for row in result.fetchall()] if result.description else [])

counted = "SELECT host, class, sum(pages)::BIGINT FROM runs GROUP BY ALL ORDER BY ALL"
duck = [list(row) for row in database.execute(counted).fetchall()]

table = pyarrow.dataset.dataset("fleet/runs", format="parquet", partitioning="hive").to_table()
grouped = table.group_by(["host", "class"]).aggregate([("pages", "sum")])
arrow = sorted([row["host"], row["class"], row["pages_sum"]] for row in grouped.to_pylist())
times = pyarrow.compute.unique(table["time"]).to_pylist()

blocks = pyarrow.dataset.dataset("fleet/blocks", format="parquet", partitioning="hive").to_table()
in_blocks = {}
for row in blocks.to_pylist():
    host = in_blocks.setdefault(row["host"], {})
    for name in asked["classes"]:
        host[name] = host.get(name, 0) + row[name.replace("-", "_")]

single = {}
for name in asked["files"]:
    rows = database.execute(f"SELECT class, sum(pages)::BIGINT FROM '{name}' GROUP BY ALL ORDER BY ALL").fetchall()
    single[name] = [list(row) for row in rows]

json.dump(
    {
        "answers": answers,
        "duckdb": duck,
        "pyarrow": arrow,
        "blocks": in_blocks,
        "times": [str(time) for time in times],
        "types": {field.name: str(field.type) for field in table.schema},
        "files": single,
    },
    sys.stdout,
)
