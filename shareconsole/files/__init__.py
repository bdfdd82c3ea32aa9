"""Files of data sets: which there are, where they lie, whether they are whole. No torch in here."""
