"""`shareconsole bench`: plan a measurement, have a process of its own make it, show what came."""
