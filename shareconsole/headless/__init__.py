"""What the commands print: facts read from the run folders, drawn with rich, without a screen."""
