"""Downloads one checkpoint of the hub: run as `python -m lab.engine.hub_child ORG/NAME`, in a process of its own.

Prints one JSON object a line: {"say": "progress", "stage", "done", "total"} in bytes, then {"say": "done",
"folder", "revision"} or {"say": "error", "title", "remedy"}. The commit is resolved first, and everything comes
from it. What cannot work is said before the weights are asked for. The weights come last, so that a snapshot with
weights is whole; they are written to `<etag>.incomplete` in the client's cache and gone on from there, because the
client itself begins a file anew (its version 2 throws a partial file away).
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import orjson
from filelock import FileLock

from lab.engine.adapters import file_sha256
from lab.engine.estimate import gib
from lab.engine.hub import hub_cache
from lab.engine.loadable import check_config, check_files
from lab.engine.machine import free_gpu_bytes, whole_bytes
from lab.errors import LabError

# Data only: weights as safetensors, configuration, tokenizer. No code, nothing pickled.
_WEIGHTS: Final = "model*.safetensors"
_FILES: Final = (
    "config.json",
    "generation_config.json",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template*",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
    _WEIGHTS,
)
_REPORT_SECONDS: Final = 0.1
_CHUNK_BYTES: Final = 2**18
_MIB: Final = 2**20
_ELSEWHERE: Final = "Check the network, or use a local folder with config.json and *.safetensors."


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the repository; `sha256` is known of large ones."""

    name: str
    size: int
    sha256: str | None


def main(hub_id: str) -> int:
    """Fetch and report; returns the exit code."""
    try:
        folder, revision = download(hub_id)
    except LabError as fault:
        _say({"say": "error", "title": fault.title, "remedy": fault.remedy})
        return 1
    _say({"say": "done", "folder": str(folder), "revision": revision})
    return 0


def download(hub_id: str) -> tuple[Path, str]:
    """The folder of the whole snapshot and its commit. Raises LabError in one sentence."""
    # The plain transfer can be gone on from at any byte, and ends with this process.
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    from huggingface_hub import HfApi, constants, hf_hub_download

    if constants.HF_HUB_OFFLINE:
        raise LabError(
            f"The weights of {hub_id} are not on this machine, and HF_HUB_OFFLINE forbids to fetch them.",
            "Unset HF_HUB_OFFLINE, or use a local folder with config.json and *.safetensors.",
        )
    try:
        info = HfApi().model_info(hub_id, files_metadata=True)
        revision = str(info.sha)
        listed = [Listed(s.rfilename, s.size or 0, s.lfs.sha256 if s.lfs else None) for s in info.siblings or []]
        check_files(hub_id, [file.name for file in listed])
        wanted = [
            file for file in listed if any(fnmatch(file.name, pattern) for pattern in _FILES) and "/" not in file.name
        ]
        weights = [file for file in wanted if fnmatch(file.name, _WEIGHTS)]
        small = [file for file in wanted if file not in weights]
        bar = _Bar(f"Downloading {hub_id}", sum(file.size for file in wanted))
        folder = Path(hf_hub_download(hub_id, "config.json", revision=revision)).parent
        check_machine(hub_id, folder / "config.json", weights)
        for file in small:
            hf_hub_download(hub_id, file.name, revision=revision)
            bar.add(file.size)
        for file in weights:
            _fetch_weights(hub_id, revision, file, bar)
            hf_hub_download(hub_id, file.name, revision=revision)
    except LabError:
        raise
    except Exception as fault:
        # The client raises many kinds, its own and those of the network library below it.
        raise _told(hub_id, fault) from fault
    return folder, revision


def check_machine(hub_id: str, config_file: Path, weights: Sequence[Listed]) -> None:
    """Raises LabError when no code can load the checkpoint, or the machine has not the memory or disk for it."""
    config = orjson.loads(config_file.read_bytes())
    check_config(hub_id, config)
    size = sum(file.size for file in weights)
    stored = 4 if (config.get("dtype") or config.get("torch_dtype")) == "float32" else 2
    # Without a GPU 16 bits are the least; on one, 4 bits with their scales take less than a third of that.
    needed, room = size * 2 / stored, whole_bytes() + 3 * (free_gpu_bytes() or 0)
    if needed > room:
        raise LabError(
            f"{hub_id} has {gib(needed)} of weights in 16 bits; this machine has {gib(whole_bytes())} of memory.",
            "Choose a smaller checkpoint: lab checkpoints lists what fits.",
        )
    cache = hub_cache()
    cache.mkdir(parents=True, exist_ok=True)
    missing = size - sum(path.stat().st_size for file in weights for path in _parts(hub_id, file) if path.is_file())
    free = shutil.disk_usage(cache).free
    if missing > free:
        raise LabError(
            f"{hub_id} still needs {missing // _MIB} MiB in {cache}, where {free // _MIB} MiB are free.",
            "Free disk space, or put the hub's cache elsewhere with HF_HUB_CACHE.",
        )


def _parts(hub_id: str, file: Listed) -> tuple[Path, Path]:
    """Where a large file is kept in the client's cache, whole and while it arrives."""
    blobs = hub_cache() / f"models--{hub_id.replace('/', '--')}" / "blobs"
    return blobs / f"{file.sha256}", blobs / f"{file.sha256}.incomplete"


def _fetch_weights(hub_id: str, revision: str, file: Listed, bar: _Bar) -> None:
    """Put a weights file into the client's cache, going on from what an earlier run left; the client links it."""
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    if file.sha256 is None:
        # Small enough to be kept in the repository itself: the client takes it in one piece.
        bar.add(file.size)
        return
    # The client's own 10 MiB would make a slow line look dead, and lose as much when it is cut.
    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK_BYTES
    whole, part = _parts(hub_id, file)
    lock = hub_cache() / ".locks" / whole.parent.parent.name / f"{whole.name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    whole.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        if whole.is_file():
            bar.add(file.size)
            return
        with _Counted(part, bar.add) as target:
            have = target.seek(0, io.SEEK_END)
            if have > file.size:
                have = target.truncate(0)
                target.seek(0)
            bar.add(have)
            http_get(
                hf_hub_url(hub_id, file.name, revision=revision),
                target,
                resume_size=have,
                headers={**build_hf_headers(), "Accept-Encoding": "identity"},
                expected_size=file.size,
                displayed_filename=file.name,
            )
            os.fsync(target.fileno())
        if file_sha256(part) != file.sha256:
            part.unlink()
            raise LabError(
                f"{file.name} of {hub_id} arrived damaged: its SHA-256 is not the hub's.",
                "Ask for the checkpoint again: this file is fetched anew.",
            )
        part.replace(whole)


class _Counted(io.FileIO):
    """A file that tells how many bytes are written to it."""

    def __init__(self, path: Path, written: Callable[[int], None]) -> None:
        super().__init__(path, "a+b")
        self._written = written

    def write(self, content: Any) -> int:
        count = super().write(content)
        self._written(count)
        return count


class _Bar:
    """Bytes of the whole checkpoint that are here, told a few times a second."""

    def __init__(self, stage: str, total: int) -> None:
        self._stage, self._total, self._done, self._told = stage, total, 0, 0.0

    def add(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._told > _REPORT_SECONDS or self._done >= self._total:
            self._told = time.monotonic()
            _say({"say": "progress", "stage": self._stage, "done": self._done, "total": self._total})


def _told(hub_id: str, fault: Exception) -> LabError:
    from huggingface_hub import errors

    if isinstance(fault, errors.GatedRepoError):
        return LabError(
            f"{hub_id} is gated: its authors give access to those who asked for it.",
            "Accept its terms on its page, then set HF_TOKEN to a token of that account.",
        )
    if isinstance(fault, errors.RepositoryNotFoundError):
        return LabError(
            f"The hub has no public model {hub_id}.", "Check the spelling; a private one needs HF_TOKEN to be set."
        )
    if isinstance(fault, OSError) and fault.errno is not None and not isinstance(fault, ConnectionError):
        return LabError(
            f"{hub_id} cannot be kept in {hub_cache()}: {fault.strerror}.",
            "Free disk space, or put the hub's cache elsewhere with HF_HUB_CACHE.",
        )
    lines = str(fault).strip().splitlines()
    reason = f"{type(fault).__name__}: {lines[0][:200] if lines else 'no message'}"
    return LabError(f"{hub_id} could not be fetched ({reason}).", f"{_ELSEWHERE} What has arrived is kept.")


def _say(body: dict[str, Any]) -> None:
    print(orjson.dumps(body).decode(), flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
