"""The run folder: the only contract between the terminal half and the trainer half.

Standard library and numpy. Nothing in here imports torch, textual, rich or typer.
"""
