"""The directory as a YAML file, for people, version control and backups (docs/directory.md).

document  a file, parsed and planned; and the directory written as one
form      what a file may hold
sealing   secrets as a file has them, in clear or sealed
wanted    the entries that a file asks for, and where in it each stands
plan      what has to change so that the directory is what a file says
summary   the same in words
prune     what is deleted because a file does not list it
"""
