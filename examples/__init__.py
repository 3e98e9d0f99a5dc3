"""Programs that use smsout from outside."""
