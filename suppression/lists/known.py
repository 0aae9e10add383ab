"""The lists that can be read or asked, by their ids. A new one is one file and one line here."""

from suppression.lists import (
    at_ecg_api,
    at_ecg_file,
    be_dncm,
    ca_dncl,
    dk_robinson,
    es_robinson,
    generic_columns,
    national,
    partner_hashed,
    uk_mps,
    uk_tps,
    us_ftc_dnc,
)
from suppression.lists.adapter import ListSpec, unknown

LISTS: dict[str, ListSpec] = {
    found.id: found
    for found in (
        at_ecg_file.SPEC,
        at_ecg_api.SPEC,
        be_dncm.SPEC,
        ca_dncl.SPEC,
        dk_robinson.SPEC,
        es_robinson.SPEC,
        uk_mps.SPEC,
        uk_tps.CTPS,
        uk_tps.TPS,
        us_ftc_dnc.SPEC,
        partner_hashed.SPEC,
        generic_columns.SPEC,
        *national.LISTS,
    )
}


def spec(list_id: str) -> ListSpec:
    """The adapter of this list."""
    if list_id not in LISTS:
        raise unknown(list_id, tuple(sorted(LISTS)))
    return LISTS[list_id]
