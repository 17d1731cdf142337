"""What members ask for beside records: their own balance; and the members' rights, for administrators."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from kakehashi.exchange.mutual_aid import balance as find_balance
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.server.talk import TaxiiError, answer

if TYPE_CHECKING:
    from kakehashi.exchange.server.app import Server


def balance(server: "Server", request: Request, caller: Caller) -> Response:
    """What the caller gave and received, and sums over what others did, as far as he may see it."""
    found = find_balance(server.node, caller)
    return answer(
        request,
        {"own": [asdict(one) for one in found.own], "others": [asdict(one) for one in found.others]},
    )


def members(server: "Server", request: Request, caller: Caller) -> Response:
    """The members and their rights, without any content; for administrators, to others there is no such page."""
    if "administrator" not in caller.roles:
        raise TaxiiError(404, "no such resource")
    rows = [
        {
            "identity": identity,
            "name": name,
            "clearance": one.clearance,
            "communities": sorted(one.communities),
            "caveats": sorted(one.caveats),
            "reads": sorted(one.reads),
            "writes": sorted(one.writes),
            "roles": sorted(one.roles),
            "models": sorted(one.models),
        }
        for identity, (name, one) in server.node.store.members().items()
    ]
    return answer(request, {"members": rows})


PAGES = {"x-kakehashi/balance/": balance, "x-kakehashi/members/": members}
