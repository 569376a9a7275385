"""TotalSegmentator as a source of labels: its tasks, weights and predictions, always in processes of its own."""
