"""What a person reads when everything runs."""

import json
import shlex
from typing import Any

EXAMPLE_DESTINATION = "15551234567"


def first_message(ready: dict[str, Any]) -> str:
    """Return a command line to paste: it sends a message with the trunk's credentials."""
    trunk = ready["trunk"]
    body = {
        "data": {
            "type": "outbound_messages",
            "attributes": {
                "destination": EXAMPLE_DESTINATION,
                "source": trunk["sources"][0],
                "content": "Hello World!",
            },
        }
    }
    return shlex.join(
        [
            "curl", "-i", "-u", f"{trunk['username']}:{trunk['password']}",
            "-H", "Content-Type: application/vnd.api+json",
            "-d", json.dumps(body), ready["ingress_url"] + "/outbound_messages",
        ]
    )  # fmt: skip


def summary(ready: dict[str, Any], data_dir: str, log_file: str) -> str:
    """Return the URLs, and what to do first."""
    lines = [
        "",
        "smsout is ready.",
        f"  send messages to   {ready['ingress_url']}",
        f"  web panel          {ready['panel_url']}",
        f"  look messages up   {ready['message_log_url']}/outbound_messages",
        f"  practice carrier   {ready['simulator_url']}/carrier/ledger",
        f"  Kafka              {ready['bootstrap_servers']} ({ready['broker']})",
        f"  metrics            {', '.join(f'{name} {url}' for name, url in ready['metrics'].items())}",
        f"  data               {data_dir}",
        f"  log file           {log_file}",
    ]
    if prometheus := ready.get("prometheus_url"):
        lines.append(f"  Prometheus         {prometheus}/graph, alerts at {prometheus}/alerts")
    if panel := ready.get("panel"):
        lines += [
            "",
            "Log in to the panel:",
            f"  operator           {panel['username']}  {panel['password']}",
            *(
                [f"  owner of the demo  {panel['owner_username']}  {panel['owner_password']}"]
                if "owner_username" in panel
                else []
            ),
            f"  API key for {ready['panel_url']}/v3: {panel['api_key']}",
        ]
    if trunk := ready.get("trunk"):
        lines += [
            "",
            "Send the first message:",
            f"  {first_message(ready)}",
            "and see its signed callback:",
            f"  curl {trunk['callback_url']}",
        ]
    else:
        lines += [
            "",
            "No demo trunk here: the directory holds configuration of its own (`smsout directory export`).",
        ]
    return "\n".join([*lines, "", "Ctrl-C stops it; what was accepted is kept.", ""])
