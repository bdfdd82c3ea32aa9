"""Studies behind the README's tables: commands, not tests."""
