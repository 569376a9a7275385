"""Pictures of cases and of scores. Only here: matplotlib."""
