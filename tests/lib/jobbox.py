"""A folder in which jobs run as the server would run them: sources, staging per run, and the lake that results move to."""
import pathlib
import shutil

from .job import run_job

CONTRACT = {"required": False, "unique": False, "key": 0}


def column(name, type_, **more):
    return {**CONTRACT, "name": name, "type": type_, **more}


class JobBox:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.sources = self.folder / "sources"
        self.lake = self.folder / "lake"
        self.run = 0
        self.frames = []
        self.process = None
        self.memory_bytes = 1 << 30
        for path in (self.sources, self.lake):
            path.mkdir(parents=True)

    def job(self, kind, tables=(), env=None, **more):
        """Runs one job in a staging folder of its own; the result, with "staging" added."""
        self.run += 1
        staging = self.folder / "staging" / str(self.run)
        spill = self.folder / "spill" / str(self.run)
        for path in (staging, spill):
            path.mkdir(parents=True)
        self.frames = []
        spec = {"kind": kind, "product": "test.product", "run": self.run, "staging": str(staging), "spill": str(spill),
                "memory_bytes": self.memory_bytes, "threads": 2, "time_zone": "UTC", "source_dirs": [str(self.sources)], "attributes": {},
                "principal": "team:test", "purpose": "", "pseudonym_key": "00" * 32, "tables": list(tables), **more}
        result = run_job(spec, lambda kind, body: self.frames.append((kind, body)), env=env, on_start=self._started)
        result["staging"] = staging
        return result

    def _started(self, process):
        self.process = process

    def ingest(self, name, columns, source, **more):
        table = {"name": name, "columns": columns, "partition_by": [], "previous": [], "previous_columns": [], "mode": "full",
                 "cursor": None, "drift": "fail", "source": {"settings": {}, "secrets": {}, "object": None, "query": None, **source},
                 "checks": [], **more}
        result = self.job("ingest", [table])
        return result["tables"][0] | {"staging": result["staging"]}

    def move(self, table, name=None):
        """What a publish does with the files; returns what "previous" of the next run is."""
        out = [{"path": path, "rows": 0} for path in table["keep"]]
        for file in table["files"]:
            target = self.lake / (name or table["name"]) / f"r{self.run}-{pathlib.Path(file['path']).name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(table["staging"] / file["path"], target)
            out.append({"path": str(target), "rows": file["rows"]})
        return out
