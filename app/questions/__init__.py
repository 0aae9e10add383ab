"""The questions of a data protection officer, each with its answer in one step."""
