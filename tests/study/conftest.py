"""What the tests of this room share with those of the dialogue."""

from tests.dialogue.conftest import patient as patient
