"""The nights of a kept run of learning.py, one a line, as docs/sleep-trials.md shows them.

    python benchmarks/nights.py FILE

FILE is a `cycles-*.json` that `learning.py --runs FOLDER` left in its folder, or the `found.json` of a run that was
ended early. `by the gate` is the drift that the sleep itself measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.learning import NEW, summary

HEADINGS = (
    "cycle",
    "recall of all so far",
    "earlier, further questions",
    "in a dialogue",
    "neighbours",
    "drift",
    "by the gate",
    "steps, seconds",
    "of each cycle's facts",
)


def rows(body: dict[str, Any]) -> list[tuple[str, ...]]:
    """The cells of each night that was followed by questions."""
    if not {"found", "after"} & body.keys():
        raise SystemExit("This is of an older form, which the docs show: name a run of today.")
    if "found" in body:
        nights = [
            (each.get("night"), summary(each["seen"], each["night"].get("facts", NEW)) if each["seen"] else None)
            for each in body["found"]
        ]
    else:
        nights = list(zip(body["nights"], body["after"]))
    return [
        (
            # A fresh adapter a night is slept on the last night's facts alone.
            str(len(after["by_cycle"])),
            f"{after['recall']:.2f}",
            f"{after['earlier']:.2f}, {after['further']:.2f}",
            f"{after['recall_in_dialogue']:.2f}",
            f"{after['neighbours']:.2f}",
            f"{after['drift']:.3f}",
            f"{night['measures']['drift'][0]:.3f}" if "drift" in night["measures"] else "-",
            f"{night['steps']}, {night['seconds']:.0f}{_what(night)}",
            " ".join(f"{share:.2f}" for share in after["by_cycle"]),
        )
        for night, after in nights
        if after is not None
    ]


def _what(night: dict[str, Any]) -> str:
    words = [*(["deep"] if night.get("deep") else []), *([night["verdict"]] if night["verdict"] != "kept" else [])]
    return f" ({', '.join(words)})" if words else ""


def show(body: dict[str, Any]) -> None:
    """Print machine, commit and a table in Markdown."""
    print(f"machine {body['machine']}, commit {body.get('commit', 'unknown')}\n")
    for row in (HEADINGS, ("---",) * len(HEADINGS), *rows(body)):
        print(f"| {' | '.join(row)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    show(json.loads(parser.parse_args().file.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
