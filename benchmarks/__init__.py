"""What is timed against what. Each module is one command and states the machine it ran on."""
