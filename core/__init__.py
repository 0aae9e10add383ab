"""What every stage stands on: settings, keys, database, clock, errors, evidence, tasks, sign-in.

Nothing in here knows what a campaign is. A stage above may import any module of core directly.
"""
