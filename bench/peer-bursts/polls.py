"""What nvidia-smi shows: instant power (field 186), every 100 ms, until it is ended. One JSON line a reading."""

import json
import sys
import time

import pynvml

pynvml.nvmlInit()
device = pynvml.nvmlDeviceGetHandleByIndex(0)
with open(sys.argv[1], "w") as file:
    due = time.monotonic()
    while True:
        value = pynvml.nvmlDeviceGetFieldValues(device, [186])[0].value.uiVal
        file.write(json.dumps({"t_ns": time.monotonic_ns(), "power_mw": value}) + "\n")
        file.flush()
        due += 0.1
        time.sleep(max(0.0, due - time.monotonic()))
