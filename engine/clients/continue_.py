"""Continue, in editors and on the command line. It names itself to few; its tools give it away, where it has any."""

from engine.clients.profile import Profile, Sign

CONTINUE = Profile(
    name="continue",
    title="Continue",
    source=(
        "captured 2026-11-28 @continuedev/cli 1.5.47",
        "https://github.com/continuedev/continue (core/tools/builtIn.ts, extensions/cli/src/config.ts)",
    ),
    signs=(
        Sign(headers={"user-agent": "Continue-CLI/*"}),
        Sign(headers={"user-agent": "Continue/*"}),
        Sign(headers={"http-referer": "https://www.continue.dev*"}),
        Sign(holds={"tools": ("Checklist", "Fetch", "List")}),  # the command line
        Sign(holds={"tools": ("read_currently_open_file", "file_glob_search", "view_diff")}),  # editors
    ),
)
