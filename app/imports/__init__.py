"""Imports that somebody starts in the browser: the upload is kept in the home, and a worker reads it in.

In comes a file with what it holds (`jobs.enqueue`); out comes a row that says how far it is and, at the end, what was
stored and what was rejected. An import may be begun again at any time, because the importer counts what is stored
already as unchanged: a worker that dies costs time and nothing else.
"""
