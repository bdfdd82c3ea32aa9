"""What the live screen is made of: drawn line by line, redrawn only where something changed."""
