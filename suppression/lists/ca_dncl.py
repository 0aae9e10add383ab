"""The Canadian list against calls (National Do Not Call List, kept for the CRTC).

Downloaded by area code, usually as an archive with one file each: CSV lines such as `416,2345678`, or XML.
"""

from pathlib import Path

from suppression.lists.adapter import Contents, EntryKind, ListSpec, Options
from suppression.lists.american import from_csv, from_xml, is_xml
from suppression.lists.phones import named_by_phone
from suppression.lists.text import blocks, entries, peek


def open_file(path: Path, _options: Options) -> Contents:
    """Refuse what is neither of the two layouts."""
    xml = is_xml(peek(path, encoding="utf-8", whole=False).text)
    return Contents(blocks=blocks(entries(path, from_xml if xml else from_csv)), reading={"xml": xml})


SPEC = ListSpec(
    id="ca.dncl",
    operator="CRTC",
    title="National Do Not Call List",
    country="CA",
    channels=("phone",),
    kinds=(EntryKind.PHONE,),
    normaliser="E.164",
    match_rule="the number",
    max_age_days=31,
    legal_basis="CRTC Unsolicited Telecommunications Rules",
    # An existing business relationship is an exemption.
    defeats=("legitimate_interest",),
    named=named_by_phone("CA"),
    read=open_file,
)
