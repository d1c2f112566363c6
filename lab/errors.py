"""The one error type that reaches a person: what is wrong, and what to do about it."""


class LabError(Exception):
    """An expected failure, shown to the person as it is.

    `title` is one sentence that names the file, key or command; `remedy` is one sentence that says
    what to do. Programming errors are never wrapped in it.
    """

    def __init__(self, title: str, remedy: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.title} {self.remedy}".strip()


class EngineDied(LabError):
    """The engine process ended while something was asked of it; the conversation is intact."""
