"""The raw engine: the same libduckdb that Weft's workers use, in this process, by its C API. For ratios only."""
import ctypes
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Result(ctypes.Structure):
    _fields_ = [("count", ctypes.c_uint64), ("rows", ctypes.c_uint64), ("changed", ctypes.c_uint64),
                ("columns", ctypes.c_void_p), ("message", ctypes.c_char_p), ("data", ctypes.c_void_p)]


class RawDuck:
    """One database in memory with `threads` threads."""

    def __init__(self, threads=2):
        self.lib = lib = ctypes.CDLL(str(ROOT / ".deps/duckdb/lib/libduckdb.so"))
        lib.duckdb_result_error.restype = ctypes.c_char_p
        lib.duckdb_result_error.argtypes = [ctypes.POINTER(Result)]
        lib.duckdb_fetch_chunk.restype = ctypes.c_void_p
        lib.duckdb_fetch_chunk.argtypes = [Result]
        lib.duckdb_data_chunk_get_size.argtypes = [ctypes.c_void_p]
        lib.duckdb_data_chunk_get_size.restype = ctypes.c_uint64
        lib.duckdb_destroy_data_chunk.argtypes = [ctypes.POINTER(ctypes.c_void_p)]
        lib.duckdb_query.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(Result)]
        lib.duckdb_destroy_result.argtypes = [ctypes.POINTER(Result)]
        lib.duckdb_connect.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
        self.db, self.con = ctypes.c_void_p(), ctypes.c_void_p()
        assert lib.duckdb_open(None, ctypes.byref(self.db)) == 0
        assert lib.duckdb_connect(self.db, ctypes.byref(self.con)) == 0
        for setting in (f"threads={threads}", "preserve_insertion_order=false", "default_null_order='postgres'", "integer_division=true"):
            self.run("SET " + setting)

    def run(self, sql):
        """Runs to the last row and throws the rows away; returns how many."""
        result = Result()
        failed = self.lib.duckdb_query(self.con, sql.encode(), ctypes.byref(result))
        if failed:
            text = self.lib.duckdb_result_error(ctypes.byref(result)).decode()
            self.lib.duckdb_destroy_result(ctypes.byref(result))
            raise RuntimeError(text)
        rows = 0
        while True:
            chunk = ctypes.c_void_p(self.lib.duckdb_fetch_chunk(result))
            if not chunk:
                break
            rows += self.lib.duckdb_data_chunk_get_size(chunk)
            self.lib.duckdb_destroy_data_chunk(ctypes.byref(chunk))
        self.lib.duckdb_destroy_result(ctypes.byref(result))
        return rows
