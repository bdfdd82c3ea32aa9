"""Data sets, one file each; `shareconsole.spec.datasets` is the catalogue."""
