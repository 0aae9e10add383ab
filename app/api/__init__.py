"""The gate for other systems: `POST /api/v1/decisions`, `/reservations` and `/cases`, with tokens instead of log-ins.

In: a batch of addresses and a question, with a token that has the scope for it. Out: JSON, or a problem (RFC 9457).
Served rule: mail that is sent elsewhere asks the same gate, and what it was allowed counts and stands as evidence.
"""
