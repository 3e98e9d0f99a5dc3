"""The control plane: web panel and management API; the only writer of `sms.directory`.

__main__             the process: what is started, and in which order it stops
app                  how pages, API and static files come together
operations/          everything that can be done, for pages and API alike
pages/               the pages; templates/ and static/ are what they are made of
api/                 the management API, /v3
security/            log-in, sessions, CSRF, throttling, passwords, headers
guard                who may open a page, and what every error looks like
page                 what a page handler is given, and what it declares
static_files         scripts, styles and icons, kept by browsers
restarting_producer  a producer for people who wait for the answer
log_reader           asks the message log's database
audit                the audit log on its topic
memory               what outlives a restart: sessions, last uses
attempts             follows the attempts at callbacks
figures              what only the panel tells the metrics
statuses             follows the statuses of messages that were sent here
"""
