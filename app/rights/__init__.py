"""The rights of the people whose data are held: to see, take along, correct, restrict, object, and be forgotten.

In comes an address and who acts for the person; out go a document or a receipt. The rules served are Art. 15 to 21
GDPR: all that is held is shown; what is erased is gone, but for what an objection and the proof of the past need.
"""
