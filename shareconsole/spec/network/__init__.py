"""Options of the networks, one file per family; `shareconsole.spec.networks` is the catalogue."""
