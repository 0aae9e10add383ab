"""Campaigns as code: a folder of YAML files becomes fields, segments, templates, senders, campaigns and rules.

Everything is read and validated before anything changes, a difference is shown for each thing that changes, and
applying the same folder twice changes nothing the second time.
"""

from app.apply.service import Change, apply_folder

__all__ = ["Change", "apply_folder"]
