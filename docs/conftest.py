"""What of this folder holds no examples for the tests."""

collect_ignore = ["conf.py", "_build", "_ext", "_generated", "api", "drawings", "images"]
