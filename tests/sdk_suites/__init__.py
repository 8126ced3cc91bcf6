"""The official SDKs' own test suites, unchanged, against Turnout.

The source distributions of `openai` and `anthropic` hold tests of every endpoint. They are written for a mock that
answers whatever is valid by the API's schema, and they hold each answer to the SDK's types, half of them strictly. Here
they meet a real server instead:

    python -m tests.sdk_suites                          every suite, both ways
    python -m tests.sdk_suites openai --mode across     one of them

`echo` is one Turnout with the built-in upstream. `across` is a Turnout whose upstream is a second one, asked in the
other vendor's API, so that every conversation is translated on its way, and its answer on the way back.

Each SDK is fetched from PyPI in the very version that is installed beside Turnout, into a folder of its own under
`$SDK_SUITES_ROOT` (default: `~/.cache/turnout/sdk-suites`), and its tests run in a process of their own, in a virtual
environment of their own, by the SDK's own configuration of pytest. `.ci/sdks` does the fetching.

- `exclusions-*.yaml` name the tests that cannot pass, each with its reason. Excluded tests run too: one that passes is
  reported, and so is an exclusion that names nothing. More than 35 % of a suite may not be excluded.
- A mock knows every id; a server knows what was asked of it before. Where a test names a response that nobody made, one
  is made first, and its id is put in the place of the test's; where a test asks the Responses API without a model or an
  input, it is given both. `inside/placeholders.py` does this within the SDK; the table says for how many tests.
"""
