"""Zoo Code, and what it comes from: Roo Code, with Kilo Code before that became another program.

They send their default temperature, 0, also to models that take none.
"""

from engine.clients.profile import Profile, Sign

ZOO = Profile(
    name="zoo",
    title="Zoo Code, Roo Code",
    source=(
        "https://github.com/Zoo-Code-Org/Zoo-Code (src/api/providers/constants.ts)",
        "https://github.com/RooCodeInc/Roo-Code/issues/11495",
        "https://github.com/Kilo-Org/kilocode (src/api/providers/constants.ts)",
    ),
    signs=(
        Sign(headers={"user-agent": "ZooCode/*"}),
        Sign(headers={"user-agent": "RooCode/*"}),
        Sign(headers={"user-agent": "Kilo-Code/*"}),
    ),
    quiet=("temperature",),
    reasoning=("reasoning_content",),
)
