"""Cursor with a base URL of one's own. Its requests come from its servers, never from the machine of its user.

It sends bodies of the Responses API to the chat endpoint and reads chat chunks, and leaves `stream_options` of the one
in the other.
"""

from engine.clients.profile import Profile, Sign

CURSOR = Profile(
    name="cursor",
    title="Cursor",
    source=(
        "https://forum.cursor.com/t/159298",
        "https://forum.cursor.com/t/153019",
        "https://github.com/gabrii/Cursor-Azure-GPT-5",
    ),
    signs=(
        Sign(form="responses"),
        Sign(holds={"metadata": ("cursorConversationId",)}),
    ),
    drop=("stream_options",),
    quiet=("metadata", "metadata.*", "prompt_cache_retention", "text.verbosity", "truncation", "tools[*].format"),
    session=("metadata.cursorConversationId",),
)
