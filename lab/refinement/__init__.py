"""IRP: temperatures, energy and the choice among drafts."""
