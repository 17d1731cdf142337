"""Programs that are measured, each in a process of its own; see stopwatch.py for what they have in common."""
