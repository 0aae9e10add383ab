"""A branch bank of seven customers, as files of the shape that `examples/branch-bank` maps."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.suppression.test_lists import ecg_file

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "branch-bank"

CONTACTS = """\
customer_no,email,first_name,last_name,country,language,customer_type,age,job,marital,education,balance_eur,\
housing_loan,personal_loan,preferred_contact,last_campaign_outcome,subscribed_deposit,source
C1,anna@firma-de.example,Anna,Berger,DE,de,b2c,44,management,married,tertiary,5200,no,no,cellular,unknown,no,export
C2,ben@firma-de.example,Ben,Moser,DE,de,b2c,51,technician,single,secondary,900,no,no,cellular,unknown,no,export
C3,cem@firma-de.example,Cem,Yılmaz,DE,de,b2c,38,services,married,secondary,700,no,no,cellular,unknown,no,export
C4,dora@firma-de.example,Dora,Gruber,DE,de,b2c,62,retired,divorced,primary,8000,no,no,telephone,unknown,no,export
C5,eva@firma-at.example,Eva,Pichler,AT,de,b2c,35,admin.,single,tertiary,1500,no,no,cellular,unknown,no,export
C6,finn@firma-at.example,Finn,Huber,AT,de,b2c,35,admin.,single,tertiary,1500,no,no,cellular,unknown,no,export
C7,gil@firma-de.example,Gil,Student,DE,de,b2c,35,student,single,tertiary,1500,no,no,cellular,unknown,no,export
C8,nobody at all,Hans,Fehler,DE,de,b2c,35,admin.,single,tertiary,1500,no,no,cellular,unknown,no,export
"""


def write(folder: Path) -> None:
    """The files of the bank, with times that keep their distance from today."""
    now = datetime.now(UTC)
    lately, once = _ago(now, 30), _ago(now, 600)
    (folder / "contacts.csv").write_text(CONTACTS)
    (folder / "consents.csv").write_text(
        "email,channel,purpose,basis,text_version,requested_at,request_ip,confirmed_at,confirm_ip,source\n"
        + "".join(
            f"{email},email,newsletter,double_opt_in,nl-2026-2,{at},192.0.2.1,{confirmed},192.0.2.1,website form\n"
            for email, at, confirmed in (
                ("anna@firma-de.example", lately, lately),
                ("ben@firma-de.example", lately, lately),
                ("cem@firma-de.example", once, once),
                ("dora@firma-de.example", lately, ""),
                ("eva@firma-at.example", lately, lately),
            )
        )
    )
    (folder / "orders.csv").write_text(
        "order_id,customer_no,email,ordered_at,category,amount_eur,objection_notice_shown\n"
        f"O1,C6,finn@firma-at.example,{lately},savings,100.00,yes\n"
    )
    (folder / "optouts.csv").write_text(
        f"email,channel,purpose,at,reason\nben@firma-de.example,email,newsletter,{_ago(now, 3)},letter\n"
    )
    ecg_file(folder, ["eva@firma-at.example"])


def _ago(now: datetime, days: int) -> str:
    return (now - timedelta(days=days)).isoformat(timespec="seconds")
