"""Options of the data sets, one file per family; `shareconsole.spec.datasets` is the catalogue."""
