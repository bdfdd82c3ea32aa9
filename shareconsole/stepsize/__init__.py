"""Step size rules, one file each; `shareconsole.spec.stepsizes` is the catalogue."""
