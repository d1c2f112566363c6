"""Settings of a workspace (`lab.toml`) and its folders."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from lab.errors import LabError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EMBEDDED_CHECKPOINT = "smollm2-135m-instruct"
_FOLDERS = ("LAB_CACHE", "HF_HOME", "HF_HUB_CACHE")
_NOT_IN_DUCKDB = "?" if os.sep == "\\" else "?\\"
_HOURS = re.compile(r"(?P<first>\d|[01]\d|2[0-3])-(?P<last>\d|[01]\d|2[0-4])")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EngineSettings(_Section):
    """Which checkpoint answers, and where it runs. "auto" takes what the machine does best.

    The dtypes "int8" and "nf4" need a GPU; `kernels` "library" computes with transformers alone;
    `resident_adapters` is how many adapters the engine keeps in memory.
    """

    checkpoint: str = EMBEDDED_CHECKPOINT
    adapter: str = "newest"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "bfloat16", "float16", "float32", "int8", "nf4"] = "auto"
    kernels: Literal["auto", "library"] = "auto"
    resident_adapters: int = Field(40, ge=1, le=10_000)


class RefinementSettings(_Section):
    """The published IRP: temperatures fall by `cooling` an iteration, not below `floor`.

    `drafts` "batch" writes them side by side, "sequential" one after another.
    """

    iterations: int = Field(5, ge=1, le=50)
    drafts: Literal["batch", "sequential"] = "batch"
    temperature: float = Field(0.7, ge=0.0, le=5.0)
    cooling: float = Field(0.04, ge=0.0, le=5.0)
    floor: float = Field(0.5, ge=0.0, le=5.0)
    max_tokens: int = Field(200, ge=1, le=32768)
    seed: int | None = Field(None, ge=0, lt=2**63)


class DialogueSettings(_Section):
    """`context` "dialogue" puts the conversation so far into the prompt, "fresh" the last question only.

    `thinking` lets a checkpoint that can think before it answers do so; it takes its tokens from `max_tokens`.
    """

    context: Literal["dialogue", "fresh"] = "dialogue"
    thinking: bool = False


class SalienceSettings(_Section):
    """Which profile scores, and from which total on an exchange is salient: None is what the profile has it.

    With a `share` it is that of the most salient ones so far, 0.2 the top fifth, once there are enough to tell.
    """

    profile: str = "measured"
    threshold: float | None = Field(None, ge=0.0, le=1.0)
    share: float = Field(0.0, ge=0.0, lt=1.0)


class SleepSection(_Section):
    """What a sleep learns from, and how. Keys left out come from the recipe.

    `unmarked` is what an exchange without a mark teaches: "statements" what the person stated in it, "answers" where
    they stated nothing its answer; `deep_every` so many sleeps is one that learns everything anew, at 0 only when what
    was learnt adds up to too much.

    The screen sleeps by itself `after` so many exchanges that a sleep would learn from, and when nobody has typed for
    `idle_minutes`, within the `hours` of the day ("22-6", local time; "" is always); 0 is never.
    """

    recipe: Literal["lessons", "answers", "published"] = "lessons"
    exchanges: Literal["salient", "all"] = "salient"
    unmarked: Literal["answers", "statements"] = "answers"
    replay: float | None = Field(None, ge=0.0, le=100.0)
    deep_every: int = Field(0, ge=0, le=1000)
    rank: int | None = Field(None, ge=1, le=256)
    epochs: int | None = Field(None, ge=1, le=1000)
    learning_rate: float | None = Field(None, gt=0.0, le=1.0)
    batch_size: int | None = Field(None, ge=1, le=256)
    max_tokens: int = Field(512, ge=16, le=32768)
    seed: int = Field(0, ge=0, lt=2**63)
    after: int = Field(0, ge=0, le=1_000_000)
    idle_minutes: float = Field(0.0, ge=0.0, le=100_000.0)
    hours: str = ""
    tensorboard: bool = False

    @field_validator("hours")
    @classmethod
    def _two_hours(cls, hours: str) -> str:
        if hours and not _HOURS.fullmatch(hours):
            raise PydanticCustomError("hours", 'should be two hours of the day such as "22-6", or ""')
        return hours

    def in_hours(self, hour: int) -> bool:
        """Whether this hour of the day, 0 to 23, is one of `hours`; two that are the same are all of the day."""
        match = _HOURS.fullmatch(self.hours)
        if match is None:
            return True
        first, last = int(match["first"]), int(match["last"])
        return (hour - first) % 24 < ((last - first) % 24 or 24)


class ScreenSettings(_Section):
    """How the screen looks. Any theme of the command palette."""

    theme: str = "lab-dark"
    rows: int = Field(1000, ge=1, le=100_000, description="most rows of a table of lab sql")


class Settings(_Section):
    """All of `lab.toml`; every key has a default."""

    engine: EngineSettings = EngineSettings()
    refinement: RefinementSettings = RefinementSettings()
    dialogue: DialogueSettings = DialogueSettings()
    salience: SalienceSettings = SalienceSettings()
    sleep: SleepSection = SleepSection()
    screen: ScreenSettings = ScreenSettings()
    # By place, action and key: [keys.dialogue] history = "f12".
    keys: dict[str, dict[str, str]] = {}


def load_settings(path: Path) -> Settings:
    """Read `lab.toml`; a missing file gives the defaults.

    Raises LabError that names the file and, together, every key that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as fault:
        raise LabError(f"{path} cannot be read: {fault}.", "Make it a readable UTF-8 text file.") from fault
    try:
        body: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise LabError(f"{path} is not valid TOML: {fault}.", "Correct that line.") from fault
    try:
        return Settings.model_validate(body)
    except ValidationError as fault:
        faults = "; ".join(_sentence(error) for error in fault.errors())
        raise LabError(f"{path}: {faults}.", "Correct or remove these keys.") from fault


def _sentence(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{key} is not a setting"
    message = error["msg"]
    return f"{key}: {message[0].lower()}{message[1:]} (found {error['input']!r})"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of one lab."""

    root: Path

    @property
    def sessions(self) -> Path:
        return self.root / "sessions"

    @property
    def adapters(self) -> Path:
        return self.root / "adapters"

    @property
    def database(self) -> Path:
        return self.sessions / "lab.duckdb"

    @property
    def config(self) -> Path:
        return self.root / "lab.toml"

    @property
    def logs(self) -> Path:
        return self.sessions / "logs"

    def settings(self) -> Settings:
        """The settings of this workspace. Raises LabError as `load_settings` does."""
        return load_settings(self.config)

    def create(self) -> None:
        """Make the folders. Raises LabError when the place cannot be written."""
        for folder in (self.sessions, self.adapters, self.logs):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as fault:
                raise LabError(
                    f"The folder {folder} cannot be made: {fault.strerror}.",
                    "Choose a writable folder with --workspace DIR or LAB_WORKSPACE.",
                ) from fault
        if not os.access(self.sessions, os.W_OK):
            raise LabError(
                f"The folder {self.sessions} cannot be written.",
                "Give yourself write permission, or choose another with --workspace DIR or LAB_WORKSPACE.",
            )


def find_workspace(given: str | None) -> Workspace:
    """The workspace of `--workspace`, else of LAB_WORKSPACE, else the current folder.

    Raises LabError for ~nobody, a current folder that is gone, and a path that DuckDB cannot open.
    """
    name = given or os.environ.get("LAB_WORKSPACE") or "."
    try:
        root = Path(name).expanduser().resolve()
        # DuckDB takes no file whose name is not UTF-8.
        str(root).encode()
    except (RuntimeError, OSError, UnicodeEncodeError) as fault:
        raise LabError(
            f"The workspace {name} means nothing: {fault}.", "Name a folder with --workspace DIR."
        ) from fault
    # Where DuckDB looks for parameters, and for parts of a path.
    if any(sign in str(root) for sign in _NOT_IN_DUCKDB):
        raise LabError(
            f"DuckDB cannot open files in the workspace {root}: there is a ? or a backslash in its path.",
            "Rename that folder, or name another one with --workspace DIR or LAB_WORKSPACE.",
        )
    return Workspace(root)


def settle_folders() -> None:
    """Make the folders that the environment names whole paths: the lab's processes run in another folder than the
    person. Raises LabError for ~nobody."""
    for name in _FOLDERS:
        if given := os.environ.get(name):
            try:
                os.environ[name] = str(Path(given).expanduser().absolute())
            except (RuntimeError, OSError) as fault:
                raise LabError(f"{name}={given} means nothing: {fault}.", f"Set {name} to a folder.") from fault


def cache_folder() -> Path:
    """Where prepared models are kept for all workspaces of this user; LAB_CACHE moves it."""
    import platformdirs

    return Path(os.environ.get("LAB_CACHE") or platformdirs.user_cache_dir("snarc-lab", appauthor=False))
