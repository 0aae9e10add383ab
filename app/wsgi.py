"""What the WSGI server runs: opens, clicks and one-click opt-outs first, pages behind them."""

from app.web import create_app
from tracking.hits import wrap

application = wrap(create_app())
