"""Backups of an installation: one encrypted file with the database and the files of the home.

In come the settings of this process and the names of those who may open it; out goes a file that was read back before
it got its name. It serves one rule: whoever finds the file learns nothing, and whoever loses the machine loses nothing
that the file does not say it lacks.
"""
