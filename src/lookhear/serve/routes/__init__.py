"""The routes, one file per group: chat (OpenAI), clips (ask, watch, jobs), files, page, results, review."""
