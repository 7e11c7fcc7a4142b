#!/usr/bin/env python3
"""Times `quick-start` over the five real benchmarks as a whole process.

usage: quick_start.py PROGRAM DATA [RUNS]

DATA holds humaneval/test.jsonl, gsm8k/test.jsonl, bbh/{config}.jsonl, amc/train.jsonl and medical_qa/test.jsonl. Each run
begins without stores and pools. Prints the median, the spread, and the ratio to the Python program.
"""

import json
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

# What the Symphony 2.0 program takes for the same work on a two-core machine, in seconds.
PYTHON_PROGRAM = 2.1
FILES = {
    "humaneval": "humaneval/test.jsonl",
    "gsm8k": "gsm8k/test.jsonl",
    "bbh": "bbh/{config}.jsonl",
    "amc": "amc/train.jsonl",
    "medical_qa": "medical_qa/test.jsonl",
}


def main() -> None:
    program = pathlib.Path(sys.argv[1]).resolve()
    data = pathlib.Path(sys.argv[2]).resolve()
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "data_config.yaml"
        # JSON is YAML.
        paths = {name: {"path": f"file:{data}/{file}"} for name, file in FILES.items()}
        config.write_text(json.dumps({"benchmarks": paths}))
        for run in range(-1, runs):  # the first run warms the file cache and does not count
            command = [program, "--quiet", "--config", config, "quick-start", "--output-dir", f"{folder}/{run}"]
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if run >= 0:
                seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{platform.machine()}, {platform.system()}, {runs} runs")
    print(f"median {median * 1000:.0f} ms ({min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f}), peak {peak:.0f} MiB")
    print(f"1/{PYTHON_PROGRAM / median:.0f} of the Python program's {PYTHON_PROGRAM} s")


if __name__ == "__main__":
    main()
