"""The record: an append-only journal of events, and the database projected from it."""
