"""The demo, in a terminal and in a browser: the bot between the two stand-ins."""
