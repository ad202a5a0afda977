"""The routes, a file for each group: chat (OpenAI), clips (ask, watch, jobs), files, page, results, review."""
