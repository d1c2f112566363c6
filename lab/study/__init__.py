"""Studies: whether what the lab says of an exchange holds, measured on exchanges that were made for it."""
