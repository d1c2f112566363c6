"""The footer: the keys of the present screen, as many as fit whole."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from lab.tui.actions import Where, actions


class KeyBar(Footer):
    """Textual's footer without a key cut in the middle; the help screen has them all."""

    DEFAULT_CSS = """
    KeyBar { background: $background; padding: 0 1; }
    KeyBar FooterKey { background: transparent; }
    KeyBar .footer-key--key { background: transparent; }
    KeyBar .footer-key--description { background: transparent; color: $quiet; }
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        self._labels: dict[str, str] = {}

    def relabel(self, action: str, label: str | None) -> None:
        """Give the key of an action another label; None gives its own back."""
        if self._labels.get(action) != label:
            self._labels = {name: text for name, text in self._labels.items() if name != action}
            self._labels |= {action: label} if label is not None else {}
            self.refresh(recompose=True)

    def compose(self) -> ComposeResult:
        left = self.app.size.width - 2
        keys = [child for child in super().compose() if isinstance(child, FooterKey)]
        place: Where = getattr(self.screen, "PLACE", "everywhere")
        shown = actions(place, "everywhere")
        if place != "dialogue":
            # One leaves from the dialogue; elsewhere what can be done there comes first.
            shown.sort(key=lambda action: action.name == "quit")
        # Textual lists them by focus; here they stay where they are.
        order = {action.name: number for number, action in enumerate(shown)}
        for key in sorted(keys, key=lambda key: order.get(key.action.removeprefix("app."), len(order))):
            key.description = self._labels.get(key.action, key.description)
            left -= len(key.key_display) + len(key.description) + 3
            if left < 0:
                return
            yield key

    async def on_resize(self) -> None:
        await self.recompose()
