"""One night of a run of learning.py, slept again from the adapter of the night before, with other settings.

    python benchmarks/again.py FOLDER NIGHT [--seed N] [KEY=VALUE ...]

FOLDER is what `learning.py --only cycles --runs RUNS` keeps of a run beside its figures, such as
`RUNS/cycles-10-0-ours.nights`, or `.part` where it was ended early. It is left as it is. KEY is one of `[sleep]` in
lab.toml; without any, the night is slept as the lab does it now. Prints the figures as nights.py does.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.facts import MANY
from benchmarks.learning import NEW, Nights, judged
from benchmarks.machine import commit, machine
from benchmarks.nights import show
from lab.settings import SleepSection


def again(folder: Path, number: int, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """The night of this number, from 1, in a copy of the lab as it was before it, and what was answered after it.

    Exits for a night that is more than one after those that were kept.
    """
    found = json.loads((folder / "found.json").read_text(encoding="utf-8"))["found"]
    if not 1 <= number <= len(found) + 1:
        raise SystemExit(f"{folder} has {len(found)} nights: name one from 1 to {len(found) + 1}.")
    had = found[: number - 1]
    new = found[0]["night"].get("facts", NEW) if found else NEW
    with tempfile.TemporaryDirectory() as root:
        lab = Path(root)
        earlier = [f"sleep-{night:04d}" for night in range(1, number)]
        told = [f"told-{night:02d}" for night in range(1, number + 1)]
        for name in [f"adapters/{each}" for each in earlier] + [f"sessions/{each}" for each in (*earlier, *told)]:
            if (folder / "lab" / name).exists():
                shutil.copytree(folder / "lab" / name, lab / name)
        for file in (folder / "lab" / "sessions").glob("base-*.json"):
            shutil.copy(file, lab / "sessions")
        nights = Nights(lab, [each["night"] for each in had], seed=seed, **settings)
        night = nights.sleep(MANY[(number - 1) * new : number * new])
        return {"night": night, "seen": judged(nights, nights.adapter, MANY[: number * new])}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("night", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    # The settings may come after the options.
    arguments = parser.parse_intermixed_args()
    given = {key: _value(text) for key, _, text in (each.partition("=") for each in arguments.settings)}
    try:
        section = SleepSection.model_validate(given)
    except ValidationError as faults:
        parser.error("; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in faults.errors()))
    settings = {key: getattr(section, key) for key in given}
    found = again(arguments.folder, arguments.night, arguments.seed, settings)
    show({"machine": machine(), "commit": commit(), "found": [*[{"seen": None}] * (arguments.night - 1), found]})


if __name__ == "__main__":
    main()
