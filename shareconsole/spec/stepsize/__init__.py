"""Options of the step size rules; `shareconsole.spec.stepsizes` is their catalogue."""
