"""The demo: a throw-away home with three schools, their people, and real documents of five months."""
