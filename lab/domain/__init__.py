"""The values that the rooms exchange: frozen, standard library only, no behaviour beyond arithmetic."""

from lab.domain.checkpoint import Adapter, Checkpoint, Loaded, LoadOptions, Memory, Progress, Resident
from lab.domain.conversation import (
    Draft,
    Exchange,
    ExchangeStatus,
    Mark,
    Message,
    Prompt,
    PromptForm,
    Refinement,
    Sampling,
    Session,
)
from lab.domain.generation import Finish, GenerationEvent, PromptRead, RowFinished, RowGrew, RowStarted, RowThought
from lab.domain.salience import DIMENSIONS, Salience
from lab.domain.sleep import SleepCycle, SleepExample, SleepPlan, SleepSettings, SleepStatus

__all__ = [
    "DIMENSIONS",
    "Adapter",
    "Checkpoint",
    "Draft",
    "Exchange",
    "ExchangeStatus",
    "Finish",
    "GenerationEvent",
    "LoadOptions",
    "Loaded",
    "Mark",
    "Memory",
    "Message",
    "Progress",
    "Prompt",
    "PromptForm",
    "PromptRead",
    "Refinement",
    "Resident",
    "RowFinished",
    "RowGrew",
    "RowStarted",
    "RowThought",
    "Salience",
    "Sampling",
    "Session",
    "SleepCycle",
    "SleepExample",
    "SleepPlan",
    "SleepSettings",
    "SleepStatus",
]
