"""One conversation: its context, its turns, what the record takes of them."""
