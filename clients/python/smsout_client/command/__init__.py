"""`smsout send | preview | cancel | messages | trunks | profiles`: a gateway from a command line, wherever it runs.

profiles   which gateway, and as whom
options    what is typed after more than one of the commands
moments    times as people type them
telling    results for people or as JSON, errors as a line and an exit code
sending    `send`, `preview` and `cancel`
messages   `messages list` and `messages get`
trunks     `trunks list` and `trunks get`
app        all of them as one command, for whoever has this package alone
"""
