"""What the live page costs and how fast it is: a real server, a real browser, real viewers."""
