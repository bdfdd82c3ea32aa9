"""The torch vocabulary that all methods share."""
