"""Whether the service is there (`/live`), whether it answers (`/ready`), and what Prometheus reads (`/metrics`)."""

import asyncio

from fastapi import APIRouter, Request, Response

from closedbook.serve.problems import ProblemError, documented
from closedbook.serve.state import service_of

router = APIRouter()
PATIENCE = 10.0  # seconds for a forward pass


@router.head("/live", include_in_schema=False)
@router.get("/live", responses=documented(503, 421), tags=["health"])
async def live(request: Request) -> dict[str, str]:
    """Whether the service works at all."""
    dead = [name for name, served in service_of(request).models.items() if not served.worker.alive]
    if dead and not service_of(request).stopping:
        raise ProblemError(503, f"The thread of {dead[0]} has ended.")
    return {"status": "live"}


@router.head("/ready", include_in_schema=False)
@router.get("/ready", responses=documented(503, 421), tags=["health"])
async def ready(request: Request) -> dict[str, str]:
    """Whether it takes requests: every model computes a forward pass, or is busy with a request."""
    service = service_of(request)
    if service.stopping:
        raise ProblemError(503, "The service is stopping.")
    every = await asyncio.gather(*(served.ready(PATIENCE) for served in service.models.values()))
    failing = [name for name, is_ready in zip(service.models, every, strict=True) if not is_ready]
    if failing:
        raise ProblemError(503, f"{failing[0]} does not compute.")
    return {"status": "ready"}


@router.get("/metrics", responses=documented(401, 421), tags=["health"], include_in_schema=False)
async def metrics(request: Request) -> Response:
    """As Prometheus reads them."""
    counted = service_of(request).metrics
    return Response(counted.text(), media_type=counted.content_type)
