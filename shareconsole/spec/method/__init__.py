"""Options of the methods, one file per paper; `shareconsole.spec.methods` is the catalogue."""
