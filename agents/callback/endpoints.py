"""The trunks' endpoints as peers: another URL begins anew, and the metrics say how many are in trouble."""

from pipeline.callbacks.endpoint import trunk_id_of, url_of
from pipeline.directory.model import Directory
from pipeline.metrics import OPEN_ENDPOINT_BREAKERS, SLOW_ENDPOINTS
from pipeline.posting.peers.known_peers import Peers


class Endpoints:
    """Lets peers follow the directory, and the metrics follow the peers."""

    def __init__(self, directory: Directory, peers: Peers) -> None:
        self._directory = directory
        self._peers = peers
        self._urls: dict[str, str | None] = {}

    def update(self) -> None:
        """Take over what the directory says now, and show how things are; to be called every second."""
        urls: dict[str, str | None] = {}
        for peer in self._peers:
            if peer.well:
                continue  # there is nothing to forget
            trunk = self._directory.trunk(trunk_id_of(peer.name))
            url = urls[peer.name] = None if trunk is None else url_of(trunk, peer.name)
            if self._urls.get(peer.name, url) != url:
                peer.begin_anew()
        self._urls = urls
        self._peers.sweep()
        SLOW_ENDPOINTS.set(self._peers.slow)
        OPEN_ENDPOINT_BREAKERS.set(self._peers.away)
