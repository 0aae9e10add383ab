"""Kills workers, database and broker while mail is sent, and compares what was promised with what was done."""
