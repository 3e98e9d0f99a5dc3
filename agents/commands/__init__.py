"""The `smsout` command line.

cli              the command: agents, and a list of those below
deferred         commands that are imported when somebody gives them
failures         what is said of an error that ended a command
up               everything on this machine, or the broker alone
topics           creates the topics and reports drift
directory        writes a YAML file into the directory, and the directory into one
routes           which route a message takes, and why
callbacks        what became of notifications, and sending them again
messages         where a message is, and why it is not further
carriers         profiles of carriers: checked, shown, tried
carrier_options  what is typed after `smsout carriers`
dead_letters     what could not be processed, and what to do with it
offsets          where consumer groups go on
doctor/          what is stuck and why
install          what an installation needs once
users            a new password for who cannot log in
documents/       what is generated from the code
"""
