"""Bursts of known work on one GPU, each measured by one other tool in this process, or by none.

Run it under the agent, whose power ring sees every burst:
  PYTHONPATH=clients/python llem-agent measure --windows /tmp/llem.sock --no-server --out OUT -- \
      python3 bench/peer-bursts/bursts.py --out bursts.ndjson
Then: npx tsx bench/peer-bursts/table.ts OUT bursts.ndjson

A burst is a fixed count of matrix products, counted once at the start, so that every burst of one length does the
same work whatever the clocks do. One kind (load and length) comes after another, so that the card has the same temperature for
all of a kind and the mean of many tells what one takes; within a kind tools take turns in a shuffled round robin. Between
bursts the GPU idles for a random time, so that no tool's own period falls into step with them.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time

import torch
from llem_windows import begin as begin_window
from llem_windows import end as end_window

LENGTHS_MS = (20, 50, 100, 200, 500, 2000)
SIZE = 4096
LOADS = {"constant": (torch.zeros, torch.float32), "full": (torch.randn, torch.bfloat16)}
# Room for 0.2 s of idle power on either side: from 0.3 s before, and from 0.25 s after, when the ring has settled.
BEFORE_S = 0.35
AFTER_S = 0.5


def counter():
    """The driver's energy counter in the gaps between bursts. It steps every 100 ms, so it is asked until it steps:
    what it says then is of that instant, known to a call's 3 ms, and not of up to 100 ms before."""
    import pynvml

    pynvml.nvmlInit()
    device = pynvml.nvmlDeviceGetHandleByIndex(0)

    def once():
        begin = time.monotonic_ns()
        value = pynvml.nvmlDeviceGetTotalEnergyConsumption(device)
        return (begin + time.monotonic_ns()) // 2, value

    def read():
        at, value = once()
        while True:
            then, now = once()
            if now != value:
                return [(at + then) // 2, now]
            at = then

    return read


class Work:
    """Matrix products on random operands in bfloat16 (the card reaches its power limit), or on zeros in float32
    (its clocks hold: in bfloat16 an H100 slows its clocks even for zeros, to 1710 to 1755 MHz, now so, now so)."""

    def __init__(self, load):
        make, dtype = LOADS[load]
        self.a = make(SIZE, SIZE, device="cuda", dtype=dtype)
        self.b = make(SIZE, SIZE, device="cuda", dtype=dtype)
        self.out = torch.empty_like(self.a)
        self.time(20)
        count = max(20, round(2 * self.time(100)))
        self.per_s = self.time(count)

    def time(self, count):
        """Products a second."""
        torch.cuda.synchronize()
        begin = time.monotonic()
        self.run(count)
        torch.cuda.synchronize()
        return count / (time.monotonic() - begin)

    def run(self, count):
        for _ in range(count):
            torch.mm(self.a, self.b, out=self.out)


class Nothing:
    def begin(self):
        pass

    def end(self):
        return None


class Zeus:
    def __init__(self):
        from zeus.monitor import ZeusMonitor

        self.monitor = ZeusMonitor(gpu_indices=[0], cpu_indices=[])

    def begin(self):
        self.monitor.begin_window("burst")

    def end(self):
        return self.monitor.end_window("burst").gpu_energy[0]


class CodeCarbon:
    """A tracker of its own for each burst, made beforehand: its construction takes seconds."""

    def __init__(self):
        self.prepare()

    def prepare(self):
        from codecarbon import OfflineEmissionsTracker

        self.tracker = OfflineEmissionsTracker(
            country_iso_code="USA",
            gpu_ids=[0],
            save_to_file=False,
            allow_multiple_runs=True,
            log_level="error",
        )

    def begin(self):
        self.tracker.start()

    def end(self):
        self.tracker.stop()
        joules = self.tracker.final_emissions_data.gpu_energy * 3.6e6
        self.prepare()
        return joules


class LLenergyMeasure:
    def __init__(self):
        from llenergymeasure.energy.nvml import NVMLSampler

        self.sampler = NVMLSampler(gpu_indices=[0])

    def begin(self):
        self.tracker = self.sampler.start_tracking()

    def end(self):
        return self.sampler.stop_tracking(self.tracker).total_j


TOOLS = {
    "none": Nothing,
    "zeus": Zeus,
    "codecarbon": CodeCarbon,
    "llenergymeasure": LLenergyMeasure,
}


def warm(work, count, seconds):
    """The same work takes more energy on a warmer card: it comes to the temperature that bursts of this kind keep."""
    until = time.monotonic() + seconds * min(1, count / work.per_s)
    while time.monotonic() < until:
        work.run(count)
        torch.cuda.synchronize()
        time.sleep(BEFORE_S + AFTER_S)


def burst(work, count, tool, read, kind):
    """One burst, measured by one tool, between two steps of the counter. Times: CLOCK_MONOTONIC, ns."""
    torch.cuda.synchronize()
    before = read()
    time.sleep(BEFORE_S + random.random() * 0.2)
    tool.begin()
    ours = begin_window("%s %d" % (kind["load"], kind["length_ms"]), load=kind["load"], length_ms=kind["length_ms"])
    begin = time.monotonic_ns()
    work.run(count)
    torch.cuda.synchronize()
    end = time.monotonic_ns()
    end_window(ours)
    joules = tool.end()
    time.sleep(AFTER_S)
    return {
        "id": ours.id, "begin_ns": begin, "end_ns": end, "energy_j": joules,
        "counter_before": before, "counter_after": read(),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="bursts.ndjson")
    parser.add_argument("--repeat", type=int, default=6, help="bursts of each kind by each tool")
    parser.add_argument("--seconds", type=float, default=500, help="stop after so long, whatever is left")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--loads", default=",".join(LOADS))
    parser.add_argument("--warm", type=float, default=16, help="seconds of a kind before it counts")
    parser.add_argument("--lengths", default=",".join(map(str, LENGTHS_MS)), help="milliseconds")
    args = parser.parse_args()
    began = time.monotonic()
    random.seed(1)
    here = os.path.dirname(os.path.abspath(__file__))
    poller = subprocess.Popen([sys.executable, os.path.join(here, "polls.py"), args.out + ".polls"])
    tools = {}
    for name in args.tools.split(","):
        try:
            tools[name] = TOOLS[name]()
        except Exception as error:  # a tool that is not installed is left out, and said
            print(f"{name} is left out: {error!r}", flush=True)
    works = {load: Work(load) for load in args.loads.split(",")}
    lengths = [int(ms) for ms in args.lengths.split(",")]
    for load, work in works.items():
        print(f"{load}: {work.per_s:.0f} products of {SIZE} a second", flush=True)
    read = counter()
    with open(args.out, "w") as file:
        for load, work in works.items():
            for length_ms in sorted(lengths, reverse=True):
                count = max(1, round(work.per_s * length_ms / 1000))
                warm(work, count, args.warm)
                for round_index in range(args.repeat):
                    order = list(tools)
                    random.shuffle(order)
                    for name in order:
                        if time.monotonic() - began > args.seconds:
                            break
                        row = {"load": load, "length_ms": length_ms, "round": round_index, "tool": name, "count": count}
                        row.update(burst(work, count, tools[name], read, row))
                        file.write(json.dumps(row) + "\n")
                        file.flush()
    time.sleep(1)
    poller.terminate()
    poller.wait()
    print(f"{time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
