"""How fast mail may leave, for whom it rests, and what makes a run stop: limits, back-off, windows and the brake.

In: what a sender may do, as its limits say it, and what servers answered. Out: how many messages of which operator a
worker may take now. Whoever runs many mailboxes (`operators.tsv`) is one operator; a domain whose server wants less
becomes one of its own.
"""
