"""The routes of the page. Each carries its rule; forms post, so that all works without scripts."""
