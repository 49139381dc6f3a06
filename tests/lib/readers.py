"""Other readers of Delta tables, for comparison with what Weft answers: delta-rs (`deltalake`) and ClickHouse (`chdb`).

Rows come as tuples of plain values (canonical()), so that three libraries with three ideas of a type can be compared.
"""
import datetime
import decimal
import json
import pathlib
import subprocess
import sys
import tempfile
import uuid
from urllib.parse import unquote

import deltalake
import pyarrow.parquet

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHDB = ROOT / ".deps/npm/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"

# ClickHouse keeps state and signal handlers, so it runs in a process of its own: one for all statements of a call.
CHDB_MAIN = """
import ctypes, os, sys
class Result(ctypes.Structure):
    _fields_ = [("buf", ctypes.c_void_p), ("len", ctypes.c_size_t), ("vec", ctypes.c_void_p), ("elapsed", ctypes.c_double),
                ("rows", ctypes.c_uint64), ("bytes", ctypes.c_uint64), ("error", ctypes.c_char_p)]
lib = ctypes.CDLL(sys.argv[1])
lib.query_stable_v2.restype = ctypes.POINTER(Result)
args = [b"clickhouse", b"--multiquery", b"--query=" + sys.stdin.buffer.read()]
answer = lib.query_stable_v2(len(args), (ctypes.c_char_p * len(args))(*args)).contents
if answer.error:
    sys.stderr.write(answer.error.decode())
sys.stderr.flush()
os._exit(1 if answer.error else 0)
"""
CHDB_SETTINGS = {"output_format_parquet_string_as_string": 0, "allow_experimental_delta_kernel_rs": 1, "max_threads": 1,
                 "engine_file_truncate_on_insert": 1}


class ReaderFailed(Exception):
    """The other reader refused the table."""


def canonical(value):
    """One plain form per value, whichever library read it. Bytes that are text become text: ClickHouse knows one type for both."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        raw = bytes(value)
        try:
            return canonical(raw.decode())
        except UnicodeDecodeError:
            return "0x" + raw.hex()
    if isinstance(value, datetime.datetime):
        if value.tzinfo:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return value.isoformat(timespec="microseconds")
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (datetime.date, datetime.time, uuid.UUID)):
        return str(value)
    if isinstance(value, dict):
        return tuple(canonical(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return tuple(canonical(v) for v in value)
    return value


def ordered(rows):
    return sorted((tuple(canonical(v) for v in row) for row in rows), key=repr)


def arrow_rows(table, columns):
    assert set(columns) <= set(table.column_names), f"columns {table.column_names}, wanted {list(columns)}"
    return ordered(zip(*(table.column(c).to_pylist() for c in columns))) if columns and table.num_rows else []


def delta_rs(folder, version, columns):
    table = deltalake.DeltaTable(str(folder), version=version).to_pyarrow_table()
    return arrow_rows(table, columns)


def quoted(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def clickhouse(asked):
    """asked: [(folder, version, columns)…]; the rows of each, in one process."""
    with tempfile.TemporaryDirectory() as out:
        settings = ", ".join(f"{k} = {v}" for k, v in CHDB_SETTINGS.items())
        text = ""
        for i, (folder, version, columns) in enumerate(asked):
            wanted = ", ".join(quoted(c) for c in columns)
            place = str(folder).replace("\\", "\\\\").replace("'", "\\'")
            text += f"SELECT {wanted} FROM deltaLakeLocal('{place}') INTO OUTFILE '{out}/{i}.parquet' FORMAT Parquet " \
                    f"SETTINGS {settings}, delta_lake_snapshot_version = {version};\n"
        done = subprocess.run([sys.executable, "-c", CHDB_MAIN, CHDB], input=text.encode(), capture_output=True, timeout=300, cwd="/")  # it refuses, without a word, paths that are not below its folder
        if done.returncode:
            raise ReaderFailed(done.stderr.decode(errors="replace")[-1500:])
        tables = []
        for i, (_, _, columns) in enumerate(asked):
            path = pathlib.Path(out) / f"{i}.parquet"
            if path.exists() and path.stat().st_size:
                tables.append(arrow_rows(pyarrow.parquet.read_table(path), columns))
            else:
                tables.append([])
        return tables


def log_versions(folder):
    """Versions with a commit file, and those with a checkpoint."""
    log = pathlib.Path(folder) / "_delta_log"
    return (sorted(int(p.stem) for p in log.glob("*.json")), sorted(int(p.name.split(".")[0]) for p in log.glob("*.checkpoint.parquet")))


def log_actions(folder, version):
    text = (pathlib.Path(folder) / "_delta_log" / f"{version:020}.json").read_text()
    return [json.loads(line) for line in text.splitlines()]


def referenced(folder):
    """Data files that any commit of the log adds."""
    return {unquote(action["add"]["path"]) for version in log_versions(folder)[0] for action in log_actions(folder, version) if "add" in action}


def check_whole(folder):
    """Commits without a gap, every data file in the log, every file of the newest version there, no drafts. Its version."""
    folder = pathlib.Path(folder)
    versions, _ = log_versions(folder)
    assert versions == list(range(versions[0], versions[-1] + 1)), versions
    there = {p.name for p in folder.glob("*.parquet")}
    assert there <= referenced(folder), f"orphans: {there - referenced(folder)}"
    live = {unquote(pathlib.Path(u).name) for u in deltalake.DeltaTable(str(folder)).file_uris()}
    assert live <= there, f"missing: {live - there}"
    assert not [p.name for p in (folder / "_delta_log").iterdir() if p.name.startswith(".") and ".json." in p.name]
    return versions[-1]


def columns_at(folder, version):
    """The columns that the log says the table has, in its order."""
    columns = []
    for at in range(version + 1):
        for action in log_actions(folder, at):
            if "metaData" in action:
                columns = [f["name"] for f in json.loads(action["metaData"]["schemaString"])["fields"]]
    return columns
