"""The console: watch runs live and browse past ones. Textual, and no torch."""
