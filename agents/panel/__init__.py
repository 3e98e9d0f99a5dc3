"""The control plane: web panel and management API; the only writer of `sms.directory`.

__main__     the process: what is started, and in which order it stops
app          how pages, API and static files come together
operations/  everything that can be done, for pages and API alike
security/    sessions, CSRF, throttling, passwords, headers
page         what a page handler is given
pages/       the pages, with templates/ and static/
api/         the management API, /v3
audit        the audit log on its topic
"""
