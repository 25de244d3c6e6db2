"""A model at its endpoint: what was agreed with the server, the probe, batches, and the sending of requests."""

from __future__ import annotations

from pathlib import Path

from nyxqa.builders.vlm.openai.agreement import Agreements
from nyxqa.builders.vlm.openai.batch.batches import Batches
from nyxqa.builders.vlm.openai.endpoint import Endpoint
from nyxqa.builders.vlm.openai.negotiation import Negotiation
from nyxqa.builders.vlm.openai.pictures import Sender
from nyxqa.builders.vlm.openai.probe import Probe
from nyxqa.builders.vlm.openai.request import ChatReply, ChatRequest
from nyxqa.builders.vlm.protocol import Failed


class Connection:
    """Everything that lasts as long as a model is in use.

    :param folder: Folder of the stored answers, where agreements lie too; None to keep them in memory.
    :param max_pixels: Maximum number of pixels of the picture of the probe.
    :param batches: The batches of the model; None if there are none and all requests are sent directly.
    """

    def __init__(
        self, endpoint: Endpoint, folder: Path | None, max_pixels: int, seed: int, batches: Batches | None = None
    ) -> None:
        self.endpoint, self.batches = endpoint, batches
        self.agreements = Agreements(folder, f"{endpoint.model} at {endpoint.shown_url}")
        negotiation = Negotiation(endpoint, self.agreements)
        self.probe = Probe(negotiation, endpoint.model, max_pixels, seed)
        self._sender = Sender(negotiation, self.probe)

    async def send(self, request: ChatRequest) -> ChatReply | Failed:
        """The reply, or why there is none.

        :raises WorldError: If the endpoint cannot be reached, refuses this model or sees no pictures.
        :raises BudgetError: If the budget is spent.
        :raises NotAnsweredError: If it is to be asked in a batch.
        """
        return await self._sender.send(request)

    async def close(self) -> None:
        """Close the connections and the files of batches."""
        if self.batches is not None:
            self.batches.close()
        await self.endpoint.close()
