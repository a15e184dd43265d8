"""How many rows a second `data.prepare` writes from a folder the size of the RefCOCO series, and in how much memory.

    python -m benchmarks.prepare                              # full size, made in outputs/benchmarks, 1.2 M rows
    python -m benchmarks.prepare --scale 0.05 --workers 1     # a twentieth of it, by one process

All rows are text -> mask with referenced images, as many as the paper's: 800 k for SFT, 400 k for RL.  What is timed is
the whole command: reading the annotations, looking at every record and image, writing parquet.  Memory is that of all
its processes together, pages they share counted once (PSS), every half second.  On a machine with other work beside it,
CPU time is the figure to compare.  benchmarks/README.md keeps its table.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from benchmarks.refer_folder import write_series
from polygon import UserError, cli

SFT_ROWS, RL_ROWS = 800_000, 400_000


def memory_gb(process: psutil.Process) -> float:
    """Proportional set size of a process and its children."""
    total = 0
    for each in (process, *process.children(recursive=True)):
        try:
            total += each.memory_full_info().pss
        except psutil.Error:
            continue  # it has just ended
    return total / 1e9


@cli
def main() -> None:
    parser = argparse.ArgumentParser(description="Rows a second of data.prepare on a made-up RefCOCO series.")
    parser.add_argument("--folder", type=Path, default=Path("outputs/benchmarks/prepare"))
    parser.add_argument("--scale", type=float, default=1.0, help="of the series' size (default 1)")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("overrides", nargs="*", help="for data.prepare, for instance dataset.images=embedded")
    options = parser.parse_args()
    root, data_root = options.folder / f"series-{options.scale:g}", options.folder / "data"
    if not root.is_dir():
        unfinished = root.with_name(f".{root.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        write_series(unfinished, options.scale)
        unfinished.rename(root)
    shutil.rmtree(data_root, ignore_errors=True)
    sft, rl = (round(rows * options.scale) for rows in (SFT_ROWS, RL_ROWS))
    command = [
        *(sys.executable, "-m", "data.prepare", "dataset=refcoco_series", "task=text2mask", "codec=default"),
        *(f"dataset.source.root={root}", f"data_root={data_root}", f"workers={options.workers}"),
        *(f"dataset.sizes={{sft: {{train: {sft}}}, rl: {{train: {rl}}}}}", *options.overrides),
    ]
    started, peak = time.monotonic(), 0.0
    with subprocess.Popen(command) as running:
        process = psutil.Process(running.pid)
        while running.poll() is None:
            peak = max(peak, memory_gb(process))
            time.sleep(0.5)
    seconds = time.monotonic() - started
    if running.returncode:
        raise UserError(f"data.prepare failed with exit code {running.returncode}; run it alone: {' '.join(command)}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = used.ru_utime + used.ru_stime
    print(f"{sft + rl} rows in {seconds:.0f} s by {options.workers} processes: {(sft + rl) / seconds:.0f} a second")
    print(f"{cpu_seconds:.0f} s of CPU time: {(sft + rl) / cpu_seconds:.0f} rows a second of one core")
    print(f"peak memory of all processes: {peak:.2f} GB")


if __name__ == "__main__":
    main()
