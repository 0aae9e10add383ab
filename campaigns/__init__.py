"""Campaigns: plan, look before sending, let a second person approve, launch, report.

In comes a plan (segment, template, sender, purpose); out goes an open run in delivery, and the numbers of what became of
it. The rule it serves: what goes out is exactly what a second person approved.
"""
