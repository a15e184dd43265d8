"""One process that has imported what the workers of a run share, and forks whenever Ray starts one.

Why: a run is ten processes, each of which imports torch, verl and some vLLM: on a machine of few cores most of a run's
start-up, and of its memory.
How: Ray starts its workers by `runtime_env["py_executable"]`. `forking_python` starts the server and gives this file as
that executable: it hands arguments, environment and streams to the server over a Unix socket, and ends once that has
forked. The fork runs the program, Ray's default_worker.py, as Python would have; without a server, Python itself does.
Ray reads its variables when it is imported, among them which Ray it is. So the server imports at once what needs no
Ray, the rest in the environment of its first worker, and leaves a worker of another Ray to Python.
The server ends with the process that started it.
Functions import what they need: this file starts with every worker.
"""

import functools
import json
import os
import shlex
import signal
import socket
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1
STREAMS = (0, 1, 2)
OF_ONE_RAY = ("RAY_JOB_ID", "RAY_RAYLET_PID")
WAITING = 64  # workers, while the server imports


@functools.cache
def forking_python(without_ray: tuple[str, ...], with_ray: tuple[str, ...]) -> str:
    """The command that takes Python's place, with these modules imported.

    The first call starts the server and does not wait for it.
    """
    import atexit
    import shutil
    import subprocess
    import tempfile

    folder = tempfile.mkdtemp(prefix="simpleseg-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = os.path.join(folder, "fork")
    subprocess.Popen(
        [sys.executable, "-u", "-m", "hardware.fork_server", json.dumps([address, os.getpid(), without_ray, with_ray])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the run, which ends its workers in order
    )
    return shlex.join([sys.executable, "-IS", os.path.abspath(__file__), address])


def fork_or_exec(address: str, program: list[str]) -> None:
    """In the place of Python: have the server fork, or become Python where there is none."""
    request = {"program": program, "directory": os.getcwd(), "environment": dict(os.environ)}
    forked = b""
    with socket.socket(socket.AF_UNIX) as server, suppress(OSError):
        server.connect(address)
        socket.send_fds(server, [b"\0"], STREAMS)
        server.sendall(json.dumps(request).encode())
        server.shutdown(socket.SHUT_WR)
        forked = server.recv(1)
    if not forked:
        os.execv(sys.executable, [sys.executable, *program])


def serve(address: str, parent: int, without_ray: list[str], with_ray: list[str]) -> None:
    """Import, then fork for each connection. Returns in a fork, whose `sys.argv` is the program it has to run."""
    import ctypes
    import gc
    import warnings

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it has ended meanwhile
        sys.exit()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a fork ended
    # Python 3.12 warns of threads: here they are OpenBLAS's and jemalloc's, which both see to forks.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    ray = None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(WAITING)
        load(without_ray)
        while True:
            connection, _ = listener.accept()
            with connection:
                try:
                    request, streams = received(connection)
                except (OSError, ValueError):  # who asked was ended meanwhile
                    continue
                asking = [request["environment"].get(name) for name in OF_ONE_RAY]
                if ray is None:
                    ray = asking
                    os.environ.update(request["environment"])
                    load(with_ray)
                    gc.collect()
                    gc.freeze()  # else a fork's first look for garbage copies all pages
                ours = asking == ray
                if ours and os.fork() == 0:
                    break
                for stream in streams:
                    os.close(stream)
                if ours:
                    with suppress(OSError):  # as above
                        connection.sendall(b"\1")
    become(request, streams)


def load(modules: list[str]) -> None:
    import importlib

    for module in modules:
        importlib.import_module(module)


def received(connection: socket.socket) -> tuple[dict, list[int]]:
    _, streams, _, _ = socket.recv_fds(connection, 1, len(STREAMS))
    with connection.makefile("rb") as sent:
        return json.loads(sent.read()), streams


def become(request: dict, streams: list[int]) -> None:
    """Take on what a new process would have been given."""
    for number, stream in zip(STREAMS, streams, strict=True):
        os.dup2(stream, number)
        os.close(stream)
    os.setpgrp()  # Ray gives each worker a process group, and ends it with the worker
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["program"]
    sys.path[0] = os.path.dirname(sys.argv[0])
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    if (torch := sys.modules.get("torch")) and (threads := os.environ.get("OMP_NUM_THREADS")):
        torch.set_num_threads(int(threads))


if __name__ == "__main__":
    if sys.argv[1].startswith("["):
        import runpy

        serve(*json.loads(sys.argv[1]))
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        fork_or_exec(sys.argv[1], sys.argv[2:])
