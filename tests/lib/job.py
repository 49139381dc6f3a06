"""Speaks frames (src/ipc/frame.h) to a real `weft-worker job`, for tests of connectors and jobs without a server."""
import json
import os
import pathlib
import socket
import struct
import subprocess

BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build"))
W_ERROR, W_JOB, W_PROGRESS, W_LOG, W_RESULT = 15, 17, 18, 19, 20


class JobError(Exception):
    """The job answered W_ERROR: state, message, hint."""

    def __init__(self, body):
        super().__init__(f"{body['state']}: {body['message']} ({body['hint']})")
        self.state, self.message, self.hint = body["state"], body["message"], body["hint"]


def receive(sock):
    def exactly(n):
        data = b""
        while len(data) < n:
            piece = sock.recv(n - len(data))
            if not piece:
                raise EOFError("the job ended without a result")
            data += piece
        return data

    length, kind, fds, _ = struct.unpack("<IBBH", exactly(8))
    return kind, exactly(length)


def run_job(spec, on_frame=None, env=None, on_start=None):
    """Runs one job; returns its result. on_frame(kind, body) sees progress and logs, on_start(process) the process."""
    ours, theirs = socket.socketpair()
    ours.settimeout(300)
    fd = theirs.fileno()
    process = subprocess.Popen(["bash", "-c", f'exec "$0" job 3<&{fd}', str(BUILD / "weft-worker")], pass_fds=(fd,),
                               env={**os.environ, **(env or {})})
    theirs.close()
    if on_start:
        on_start(process)
    try:
        payload = json.dumps(spec).encode()
        ours.sendall(struct.pack("<IBBH", len(payload), W_JOB, 0, 0) + payload)
        while True:
            kind, body = receive(ours)
            body = json.loads(body)
            if kind == W_RESULT:
                return body
            if kind == W_ERROR:
                raise JobError(body)
            if on_frame:
                on_frame(kind, body)
    finally:
        ours.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
