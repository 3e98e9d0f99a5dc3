"""The one writer of sms.directory.

writer        fenced, all or nothing, and it reads back what it has written
transactions  one change of several entries, or none
liveness      whether the writer that has claimed the directory is still alive
apply         a YAML file becomes the directory, and the directory a file
"""
