"""Estimation outside memory: tasks over files of sorted columns, run in this process, in several, or on a cluster."""
