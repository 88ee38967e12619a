"""The routes by resource; each module makes one ``router``."""
