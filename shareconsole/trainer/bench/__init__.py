"""The measuring process: what one training step costs, engine by engine, round by round."""
