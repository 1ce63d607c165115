"""The course for people: its pages, the figures and tables in them, and the settings that make a site of them."""
