"""Puts the stages together: command line, web application, workers, supervisor, migrations. Nobody imports it."""
