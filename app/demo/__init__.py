"""The demo: a sample company, one campaign to the inbox, recipients who react, and sums that must add up.

It uses the same verbs and the same HTTP addresses as everybody else, and fails loudly when a sum does not add up.
"""
