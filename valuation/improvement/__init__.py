"""From an anomaly to a task, and from the task to its measured effect."""
