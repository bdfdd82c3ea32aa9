"""What a run is: presets, their tables and their checks. No torch in here."""
