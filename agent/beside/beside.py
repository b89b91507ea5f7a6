"""Lets another tool measure the same windows: Zeus or CodeCarbon, in a process of its own.

    python3 beside.py zeus '{"gpus": ["GPU-..."]}'

Lines on stdin: `begin NAME` and `end NAME`. Each is answered by one line of JSON on stdout, the first line says that
the tool is ready, or why not. Times are time.monotonic_ns(), one clock for all processes of the host. Ends with stdin.
Needs Python 3.9 or newer, and nothing but its standard library and the tool.
"""

import importlib.metadata
import json
import os
import sys
import time
import warnings

J_PER_KWH = 3_600_000


class Unfit(Exception):
    """The tool can't measure what it is asked to. The text is a sentence."""


def indices_of(uuids):
    """Which numbers NVML gives these GPUs: both tools count as NVML does once no variable hides a GPU."""
    if not uuids:
        return {}
    import pynvml

    try:
        pynvml.nvmlInit()
        found = {}
        for index in range(pynvml.nvmlDeviceGetCount()):
            uuid = pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(index))
            found[uuid.decode() if isinstance(uuid, bytes) else uuid] = index
    except pynvml.NVMLError as error:
        raise Unfit(f"pynvml finds no GPU ({error}).") from error
    missing = [uuid for uuid in uuids if uuid not in found]
    if missing:
        raise Unfit(f"pynvml does not show {', '.join(missing)}.")
    return {found[uuid]: uuid for uuid in uuids}


class Zeus:
    def __init__(self, uuids):
        from zeus.monitor import ZeusMonitor

        self.uuids = None if uuids is None else indices_of(uuids)
        self.monitor = ZeusMonitor(gpu_indices=None if uuids is None else list(self.uuids))

    def begin(self, name):
        # Nothing is computed in this process, so there is nothing to wait for (and no torch to wait with).
        self.monitor.begin_window(name, sync_execution=False)

    def end(self, name):
        found = self.monitor.end_window(name, sync_execution=False)
        parts = [
            part(component, index, energy_j, "measured", self.uuids)
            for component, energies in (
                ("gpu", found.gpu_energy),
                ("cpu", found.cpu_energy),
                ("dram", found.dram_energy),
            )
            for index, energy_j in (energies or {}).items()
        ]
        return {"seconds": found.time, "parts": parts, "pue": None}


class CodeCarbon:
    """One window at a time: a tracker sums from its start to its stop, and opening one takes seconds."""

    def __init__(self, uuids):
        self.uuids = None if uuids is None else indices_of(uuids)
        self.tracker = self.open()
        self.name = None

    def open(self):
        from codecarbon import OfflineEmissionsTracker

        tracker = OfflineEmissionsTracker(
            country_iso_code="USA",  # grams are not asked for
            gpu_ids=list(self.uuids) if self.uuids else None,
            save_to_file=False,
            allow_multiple_runs=True,
            log_level="error",
        )
        # Else the hardware is looked for when it starts, within the window.
        look = getattr(tracker, "get_detected_hardware", None)
        if look is not None:
            look()
        return tracker

    def begin(self, name):
        if self.name is not None:
            raise Unfit(f"CodeCarbon measures {self.name} still, and one window at a time.")
        self.tracker = self.tracker or self.open()
        self.tracker.start()
        self.name = name

    def end(self, name):
        if self.name != name:
            raise Unfit(f"CodeCarbon does not measure {name}.")
        tracker, self.tracker, self.name = self.tracker, None, None
        tracker.stop()
        # Its methods swallow what goes wrong within: then there is no result.
        found = getattr(tracker, "final_emissions_data", None)
        if found is None:
            raise Unfit("CodeCarbon gave no result; its log says why.")
        cpu, gpu = self.modes(tracker)
        parts = [
            part("cpu", None, found.cpu_energy * J_PER_KWH, cpu, None),
            part("dram", None, found.ram_energy * J_PER_KWH, "modelled", None),
        ]
        if gpu:
            parts.append(part("gpu", None, found.gpu_energy * J_PER_KWH, "measured", None))
        return {"seconds": found.duration, "parts": parts, "pue": getattr(found, "pue", None)}

    @staticmethod
    def modes(tracker):
        """How it knows the processor's power, and whether it reads a GPU: it tells both only within."""
        kinds = {type(h).__name__: h for h in getattr(tracker, "_hardware", [])}
        mode = getattr(kinds.get("CPU"), "_mode", None)
        read = {"intel_rapl", "intel_power_gadget", "windows_emi"}
        cpu = None if mode is None else "measured" if mode in read else "modelled"
        return cpu, "GPU" in kinds or "AppleSiliconChip" in kinds


def part(component, index, energy_j, how, uuids):
    device_id = uuids.get(index) if uuids and component == "gpu" else None
    return {
        "component": component,
        "index": index,
        "device_id": device_id,
        "energy_j": energy_j,
        "how": how,
    }


TOOLS = {"zeus": Zeus, "codecarbon": CodeCarbon}


def version_of(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def main():
    # What the tools print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(what):
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    name, asked = sys.argv[1], json.loads(sys.argv[2])
    try:
        tool = TOOLS[name](asked["gpus"])
    except ModuleNotFoundError as error:
        lacks = {"missing": error.name, "executable": sys.executable}
        return say({"failed": f"there is no module {error.name}", **lacks})
    except Exception as error:
        return say({"failed": sentence(error), "missing": None})
    say({"ready": {"version": version_of(name), "python": sys.version.split()[0]}})
    for line in sys.stdin:
        what, _, window = line.rstrip("\n").partition(" ")
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            before = time.monotonic_ns()
            try:
                result = getattr(tool, {"begin": "begin", "end": "end"}[what])(window)
            except Exception as error:
                say({"failed": sentence(error), "missing": None})
                continue
            # As text: they pass what a double holds.
            stamps = [str(before), str(time.monotonic_ns())]
        notes = [str(w.message) for w in warned]
        say({"stamps": stamps, "notes": notes, "result": result})


def sentence(error):
    return str(error) if isinstance(error, Unfit) else f"{type(error).__name__}: {error}"


# Zeus may start helpers that import this file again.
if __name__ == "__main__":
    main()
