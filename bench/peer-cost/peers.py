"""What CodeCarbon and Zeus make of given joules: their own arithmetic, without sensors and without a network.

Called by compare.ts: readings, places, a rate and a series come as JSON on stdin, theirs go to the file that is named (both
packages write to stdout what they think of the machine).
Needs `python3 -m pip install codecarbon==3.3.2 zeus==0.16.0`; written against these versions, as it reaches inside both.

CodeCarbon: an OfflineEmissionsTracker whose only device tells the joules; PUE, water and the place's factor are then its own.
Zeus: the loops of EnergyCostMonitor and CarbonEmissionMonitor, their clients of OpenEI and Electricity Maps. In place of the
clock, the meter and the answers of the two services stand scripted ones; cutting at hours, picking prices and adding up are
its own.
"""

import json
import queue
import sys
import types
from datetime import datetime, timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

import requests
import zeus.monitor.carbon as zeus_carbon
import zeus.monitor.price as zeus_price
from codecarbon import OfflineEmissionsTracker
from codecarbon.core.units import Energy, Power
from codecarbon.external.hardware import GPU

KEY = "run"


class Told(GPU):
    """A GPU whose counter moved by so much, converted as CodeCarbon converts NVML's millijoules."""

    def __init__(self, joules):
        self.joules = joules

    def measure_power_and_energy(self, last_duration):
        return Power.from_watts(0.0), Energy.from_millijoules(self.joules * 1000)


def codecarbon(joules, pue, wue, place):
    tracker = OfflineEmissionsTracker(
        **place, pue=pue, wue=wue, save_to_file=False, allow_multiple_runs=True, log_level="critical"
    )
    tracker._hardware = [Told(joules)]
    # What start() sets; start() itself would begin to look at this machine.
    tracker._start_time = tracker._last_measured_time = 0.0
    tracker._do_measurements()
    said = tracker._prepare_emissions_data()
    return {
        "energy_kwh": said.energy_consumed,
        "emissions_g": said.emissions * 1000,
        "g_per_kwh": said.emissions * 1000 / said.energy_consumed,
        "water_l": said.water_consumed,
    }


class Clock:
    """The scripted time; a queue that is waited on moves it."""

    def __init__(self, at):
        self.at = at

    def now(self, tz):
        return self.at.astimezone(tz)


class Meter:
    """In place of ZeusMonitor: joules between two instants of the clock, even within a reading."""

    def __init__(self, clock, readings):
        self.clock = clock
        self.begun = {}
        self.readings = [(instant(r["from"]), instant(r["to"]), r["joules"]) for r in readings]

    def begin_window(self, key, sync_execution=True):
        self.begun[key] = self.clock.at

    def end_window(self, key, sync_execution=True):
        begin, end = self.begun.pop(key), self.clock.at
        joules = sum(
            j * (min(to, end) - max(at, begin)) / (to - at)
            for at, to, j in self.readings
            if to > begin and at < end
        )
        # Zeus 0.16 fails (KeyError) where the processor or its memory tell nothing, so they tell 0.
        return types.SimpleNamespace(gpu_energy={0: joules}, cpu_energy={0: 0.0}, dram_energy={0: 0.0})


class Commands:
    """In place of the queue: begin and end at their instants, nothing in between."""

    def __init__(self, clock, events):
        self.clock = clock
        self.events = list(events)

    def get(self, timeout):
        until = self.clock.at + timedelta(seconds=timeout)
        at, op = self.events[0]
        if at > until:
            self.clock.at = until
            raise queue.Empty
        self.events.pop(0)
        self.clock.at = at
        return op, KEY


def zeus(module, provider, readings, answer):
    """What a monitor's own loop answers for the readings' whole span."""
    begin, end = instant(readings[0]["from"]), instant(readings[-1]["to"])
    clock = Clock(begin)
    module.ZeusMonitor = lambda **_: Meter(clock, readings)
    module.datetime = clock
    module.requests = types.SimpleNamespace(
        get=lambda _: types.SimpleNamespace(json=lambda: answer(clock.at)), exceptions=requests.exceptions
    )
    finished = queue.Queue()
    commands = Commands(clock, [(begin, module.Op.BEGIN), (end, module.Op.END)])
    module._polling_process(commands, finished, [0], [], provider)
    gpu, _, _ = finished.get_nowait()
    return gpu[0]


def in_local_time(readings, tz):
    """The readings as if local time were UTC, in parts of one offset each, so that no hour comes twice."""
    parts = {}
    for reading in readings:
        at, end = instant(reading["from"]), instant(reading["to"])
        length = end - at
        while at < end:
            until = min(end, at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
            offset = at.astimezone(ZoneInfo(tz)).utcoffset()
            parts.setdefault(offset, []).append(
                {
                    "from": (at + offset).isoformat(),
                    "to": (until + offset).isoformat(),
                    "joules": reading["joules"] * ((until - at) / length),
                }
            )
            at = until
    return parts.values()


def history(rows):
    """The last 24 hours of a series, the present one with them, as Electricity Maps answers."""

    def answer(now):
        return {
            "history": [
                {"datetime": r["from"], "carbonIntensity": r["g_per_kwh"]}
                for r in rows
                if now - timedelta(hours=24) < instant(r["from"]) <= now
            ]
        }

    return answer


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def main():
    task = json.load(sys.stdin)
    pue, wue, rate = task["pue"], task["wue_l_per_kwh"], task["rate"]
    joules = sum(r["joules"] for r in task["readings"]["stored_run"])
    tariff = zeus_price.OpenEIClient((0.0, 0.0), label=rate["label"])
    grid = zeus_carbon.ElectrictyMapsClient((0.0, 0.0), estimate=True, emission_factor_type="lifecycle")

    def cost(readings):
        return zeus(zeus_price, tariff, readings, lambda _: {"items": [rate]})

    figures = {
        "versions": {"codecarbon": version("codecarbon"), "zeus": version("zeus")},
        "codecarbon": {name: codecarbon(joules, pue, wue, p["codecarbon"]) for name, p in task["places"].items()},
        "zeus": {
            name: {
                "cost": cost(readings),
                "cost_local": sum(cost(part) for part in in_local_time(readings, task["tz"])),
                "emissions_g": zeus(zeus_carbon, grid, readings, history(task["series"])),
            }
            for name, readings in task["readings"].items()
        },
    }
    with open(sys.argv[1], "w") as file:
        json.dump(figures, file)


if __name__ == "__main__":
    main()
