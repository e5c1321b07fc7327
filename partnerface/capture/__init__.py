"""Is the clip good enough? Measures of a tracked clip, a verdict, and advice for filming it again."""
