"""Commands that need more than one stage, or none."""
