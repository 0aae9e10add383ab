"""Looking for garbage, in processes that make and drop many small things for a long time."""

import gc

# New things that are still there before they are searched for circles; Python's own number is 700.
MANY = 20_000


def spare_imports() -> None:
    """Call it once everything is imported: what is there now lives as long as the process.

    Looking through all of it again and again costs a tenth of the time of a campaign, and would copy the pages that
    forked processes share. What a batch makes is freed without a search.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(MANY, 20, 20)
