"""What the WSGI server runs: opens, clicks and one-click opt-outs first, pages behind them."""

from app.web import create_app
from core.log import to_standard_error
from tracking.hits import wrap

to_standard_error()
application = wrap(create_app())
