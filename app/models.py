"""Every table of every stage, reached in one import, for migrations and tests."""

from app.api import models as api
from app.evidence import models as proof
from app.imports import models as imports
from campaigns import models as campaigns
from contacts import consent_models as consents
from contacts import models as contacts
from core import audit, evidence, evidence_anchors, found_work, lease, quarantine, retention, users
from core.db import Base
from delivery import models as delivery
from lead_handover import models as lead_handover
from preferences import models as preferences
from segments import models as segments
from suppression import models as suppression
from templates import models as templates
from tracking import models as tracking

MODULES = (
    *(audit, evidence, evidence_anchors, found_work, lease, quarantine, retention, users),
    *(contacts, consents, tracking, suppression, templates, delivery, segments, campaigns, preferences, lead_handover),
    imports,
    api,
    proof,
)

metadata = Base.metadata
