"""Consents for compliance: all of them as a list, what their evidence lacks, those given on paper or in a call."""
