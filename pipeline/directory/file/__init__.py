"""The directory as a YAML file, for people, version control and backups (docs/directory.md).

document  a file, parsed and planned; and the directory written as one
form      what a file may hold
plan      what has to change so that the directory is what a file says
prune     what is deleted because a file does not list it
"""
