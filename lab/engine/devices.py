"""Tells what the engine would compute on, for `lab doctor`: run as `python -m lab.engine.devices DEVICE DTYPE`.

Prints one JSON object with device, dtype, name and threads, or with title and remedy of what the settings ask in vain.
A process of its own, because it imports torch.
"""

from __future__ import annotations

import sys

import orjson


def main(device: str, dtype: str) -> int:
    """Print the object and return 0; of a device that is not there the words of that, and 2."""
    from lab.engine.cores import use_cores
    from lab.errors import LabError

    use_cores()
    from lab.engine.worker_device import choose_device, choose_dtype, device_name, threads

    try:
        place = choose_device(device)
    except LabError as fault:
        print(orjson.dumps({"title": fault.title, "remedy": fault.remedy}).decode())  # noqa: T201
        return 2
    kind = choose_dtype(place) if dtype == "auto" else dtype
    body = {"device": place, "dtype": kind, "name": device_name(place), "threads": threads()}
    print(orjson.dumps(body).decode())  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
