"""Pure reasoning between a stack and its lock: question, coherence, explanation, freshness."""
