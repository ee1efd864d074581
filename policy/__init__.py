"""Whether they may: schools, grants, access decisions, months and the record of what was decided."""
