"""Twin lakes: two nodes whose data differs only in rows and values that the analyst may not see.

Every answer to every generated statement (grammar.py) must be byte-equal on both, errors and notices included; this
file makes the data, tests/system/test_twin_lakes.py runs it over the real wire. The data has what gave barriers away
before (docs/security.md): dictionary-encoded text with values that only hidden rows have, hidden extremes outside the
visible range, several files and row groups, versions, partitions, masked values that differ below the mask. Tables whose rows
share vectors with hidden ones have as many in both twins, so that also an answer without an order is the same; few and
parts have other numbers of hidden rows, too.
"""
import datetime
import decimal
import pathlib

import pyarrow
import pyarrow.parquet

ROWS = 150_000
DAY = datetime.date(2025, 1, 1)
AT = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)


def is_hidden(i):
    return i % 7 == 3 or 60_000 <= i < 62_000


def fact(i, twin):
    """One row. region 'north' and 'west' are visible, 'hidden' is not; hidden rows depend on the twin."""
    if not is_hidden(i):
        return (i, ["north", "west"][i % 2], i * 31 % 200, decimal.Decimal(i * 7 % 9000) / 100, f"{i % 50}",
                DAY + datetime.timedelta(days=i % 90), AT + datetime.timedelta(minutes=i % 5000), [f"t{i % 5}", f"u{i % 3}"], i % 3 == 0, i % 400,
                (i * 37 % 1000) / 8)
    seed = i * (7919 if twin == "a" else 104729) % 100_003
    return (i, "hidden", (300 if twin == "a" else -500) + seed % 77, decimal.Decimal(seed * 1000 + 1) / 100,
            f"S3CRET-{twin}-{seed % 40}", DAY + datetime.timedelta(days=(4000 if twin == "a" else -3000) + seed % 50),
            AT + datetime.timedelta(days=(900 if twin == "a" else -900), minutes=seed % 100), [f"S3CRET-{twin}{seed % 9}"], twin == "a", 1000 + seed % (50 if twin == "a" else 9),
            float("nan") if twin == "a" else 1e300)


FACTS = pyarrow.schema([("id", pyarrow.int64()), ("region", pyarrow.string()), ("delta", pyarrow.int32()), ("amount", pyarrow.decimal128(12, 2)),
                        ("note", pyarrow.string()), ("day", pyarrow.date32()), ("at", pyarrow.timestamp("us", "UTC")),
                        ("tags", pyarrow.list_(pyarrow.string())), ("flag", pyarrow.bool_()), ("ref", pyarrow.int64()), ("ratio", pyarrow.float64())])


def dims(twin):
    """Masked columns: the values below differ, what their masks leave is the same."""
    a = twin == "a"
    return pyarrow.table({
        "ref": pyarrow.array(range(400), pyarrow.int64()),
        "name": [f"dim {i % 40}" for i in range(400)],
        "secret": [f"S3CRET-{twin}-{i * (3 if a else 5) % 97}" for i in range(400)],
        "mail": [f"S3CRET{i * (7 if a else 11) % 89}{twin}@example.org" for i in range(400)],
        "level": pyarrow.array([i % 9 for i in range(400)], pyarrow.int32()),
        "born": [datetime.date(1950 + i % 50, 1 + i % (12 if a else 5), 1 + i * (3 if a else 5) % 28) for i in range(400)],
        "pay": pyarrow.array([i % 30 * 1000 + i * (7 if a else 13) % 1000 for i in range(400)], pyarrow.int32()),
        "card": [f"S3C{i * (3 if a else 7) % 97:04d}{twin}{i:04d}" for i in range(400)],
    })


PARTS = pyarrow.schema([("id", pyarrow.int64()), ("region", pyarrow.string()), ("note", pyarrow.string()), ("delta", pyarrow.int32())])


def parts(twin):
    """A table partitioned by region: files are hidden or visible whole. Twin b has more hidden partitions."""
    rows = [(i, ["north", "west", "hidden"][i % 3], f"{i % 20}", i % 100) for i in range(9_000)]
    hidden = ["hidden"] if twin == "a" else ["hidden", "hidden too"]
    rows = [r if r[1] != "hidden" else (r[0], hidden[r[0] % len(hidden)], f"S3CRET-{twin}-{r[0] % 30}", 7000 if twin == "a" else -7000) for r in rows]
    rows += [] if twin == "a" else [(i, "hidden", "S3CRET-b", 9000 + i) for i in range(100_000, 103_000)]
    return pyarrow.table({name: [r[k] for r in rows] for k, name in enumerate(PARTS.names)}, schema=PARTS)


def few(twin):
    """Less than one vector of rows; twin b has more hidden ones between the visible."""
    rows = [(i, "north", f"{i % 20}", i % 100) for i in range(1_000)]
    for i in range(0, 1_000, 20 if twin == "a" else 3):
        rows.insert(i, (5_000 + i, "hidden", f"S3CRET-{twin}-{i % 9}", 400 if twin == "a" else -400 - i))
    return pyarrow.table({name: [r[k] for r in rows] for k, name in enumerate(PARTS.names)}, schema=PARTS)


def write_lake(folder: pathlib.Path, twin, version=1):
    """Source files of one twin and version: facts in two files, then three; the others."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(version + 1):
        columns = list(zip(*(fact(i, twin) for i in range(part * ROWS // 3, (part + 1) * ROWS // 3))))
        table = pyarrow.table([pyarrow.array(c, f.type) for c, f in zip(columns, FACTS)], schema=FACTS)
        pyarrow.parquet.write_table(table, folder / f"facts-{part}.parquet", row_group_size=10_000)
    pyarrow.parquet.write_table(dims(twin), folder / "dims.parquet")
    pyarrow.parquet.write_table(parts(twin), folder / "parts.parquet")
    pyarrow.parquet.write_table(few(twin), folder / "few.parquet")
