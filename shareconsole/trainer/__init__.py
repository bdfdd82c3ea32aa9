"""The trainer: a process of its own that turns a run folder's preset into its records."""
