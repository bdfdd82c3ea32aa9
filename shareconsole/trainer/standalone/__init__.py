"""One task's network in a file of its own: taken out of a run, and used again."""
