"""The pinned libduckdb through its C API, for generators and tests that need its answers: small results only."""
import ctypes


class Result(ctypes.Structure):
    _fields_ = [("count", ctypes.c_uint64), ("rows", ctypes.c_uint64), ("changed", ctypes.c_uint64),
                ("columns", ctypes.c_void_p), ("message", ctypes.c_char_p), ("data", ctypes.c_void_p)]


class DuckDB:
    def __init__(self, library):
        self.lib = lib = ctypes.CDLL(str(library))
        pointer = ctypes.POINTER(Result)
        lib.duckdb_library_version.restype = ctypes.c_char_p
        lib.duckdb_result_error.restype, lib.duckdb_result_error.argtypes = ctypes.c_char_p, [pointer]
        lib.duckdb_query.argtypes = [ctypes.c_void_p, ctypes.c_char_p, pointer]
        lib.duckdb_value_varchar.restype, lib.duckdb_value_varchar.argtypes = ctypes.c_void_p, [pointer, ctypes.c_uint64, ctypes.c_uint64]
        lib.duckdb_row_count.restype, lib.duckdb_row_count.argtypes = ctypes.c_uint64, [pointer]
        lib.duckdb_column_count.restype, lib.duckdb_column_count.argtypes = ctypes.c_uint64, [pointer]
        lib.duckdb_destroy_result.argtypes = [pointer]
        lib.duckdb_free.argtypes = [ctypes.c_void_p]
        lib.duckdb_connect.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
        self.database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        if lib.duckdb_open(None, ctypes.byref(self.database)) or lib.duckdb_connect(self.database, ctypes.byref(self.connection)):
            raise RuntimeError("cannot open DuckDB")
        for setting in ("threads=1", "autoinstall_known_extensions=false", "autoload_known_extensions=false", "default_null_order='postgres'",
                        "integer_division=true"):
            self.query("SET " + setting)

    def version(self):
        return self.lib.duckdb_library_version().decode()

    def _value(self, result, column, row):
        value = self.lib.duckdb_value_varchar(ctypes.byref(result), column, row)
        if not value:
            return None
        text = ctypes.string_at(value).decode()
        self.lib.duckdb_free(value)
        return text

    def query(self, sql):
        """Rows of texts (None for NULL)."""
        result = Result()
        try:
            if self.lib.duckdb_query(self.connection, sql.encode(), ctypes.byref(result)):
                raise RuntimeError(self.lib.duckdb_result_error(ctypes.byref(result)).decode())
            columns = range(self.lib.duckdb_column_count(ctypes.byref(result)))
            return [tuple(self._value(result, c, r) for c in columns) for r in range(self.lib.duckdb_row_count(ctypes.byref(result)))]
        finally:
            self.lib.duckdb_destroy_result(ctypes.byref(result))

    def ast(self, sql):
        """What a worker answers to W_PARSE."""
        quoted = sql.replace("'", "''")
        return self.query(f"SELECT json_serialize_sql('{quoted}')::varchar")[0][0]
