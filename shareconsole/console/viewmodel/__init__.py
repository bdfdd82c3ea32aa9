"""What the console shows, as plain values: no textual, no rich and no torch in here.

Everything that a run's folder says passes through these modules on its way to a screen. They hand
out frozen objects; a part that did not change since the last look is the same object, so whoever
shows it may skip it. All texts in them have passed ``safe_text``.
"""
