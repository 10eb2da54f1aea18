"""Personal data: consent, requests of people, erasure, retention, what other stores may know."""
